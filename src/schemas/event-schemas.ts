// Written by `npm run schemas`.
import accountChangedV1 from './events/AccountChanged.v1.json';
import accountClosedV1 from './events/AccountClosed.v1.json';
import accountFrozenV1 from './events/AccountFrozen.v1.json';
import accountOpenedV1 from './events/AccountOpened.v1.json';
import accountOpenedV2 from './events/AccountOpened.v2.json';
import accountOpenedV3 from './events/AccountOpened.v3.json';
import accountReopenedV1 from './events/AccountReopened.v1.json';
import accountUnfrozenV1 from './events/AccountUnfrozen.v1.json';
import companyAddressChangedV1 from './events/CompanyAddressChanged.v1.json';
import companyCreatedV1 from './events/CompanyCreated.v1.json';
import currencyDefinedV1 from './events/CurrencyDefined.v1.json';
import eventAmendedV1 from './events/EventAmended.v1.json';
import holdCapturedV1 from './events/HoldCaptured.v1.json';
import holdExpiredV1 from './events/HoldExpired.v1.json';
import holdPlacedV1 from './events/HoldPlaced.v1.json';
import holdVoidedV1 from './events/HoldVoided.v1.json';
import interestAccrualReversedV1 from './events/InterestAccrualReversed.v1.json';
import interestAccruedV1 from './events/InterestAccrued.v1.json';
import interestAccruedV2 from './events/InterestAccrued.v2.json';
import interestAccruedV3 from './events/InterestAccrued.v3.json';
import interestAdjustedV1 from './events/InterestAdjusted.v1.json';
import interestAdjustedV2 from './events/InterestAdjusted.v2.json';
import interestAdjustedV3 from './events/InterestAdjusted.v3.json';
import interestCalculatedV1 from './events/InterestCalculated.v1.json';
import interestSkippedV1 from './events/InterestSkipped.v1.json';
import limitChangedV1 from './events/LimitChanged.v1.json';
import limitCreatedV1 from './events/LimitCreated.v1.json';
import limitRemovedV1 from './events/LimitRemoved.v1.json';
import orderCancelledV1 from './events/OrderCancelled.v1.json';
import orderPlacedV1 from './events/OrderPlaced.v1.json';
import orderPlacedV2 from './events/OrderPlaced.v2.json';
import orderSettledV1 from './events/OrderSettled.v1.json';
import orderSettledV2 from './events/OrderSettled.v2.json';
import orderSettlementReversedV1 from './events/OrderSettlementReversed.v1.json';
import periodClosedV1 from './events/PeriodClosed.v1.json';
import periodReopenedV1 from './events/PeriodReopened.v1.json';
import scheduledTransactionCancelledV1 from './events/ScheduledTransactionCancelled.v1.json';
import scheduledTransactionPostedV1 from './events/ScheduledTransactionPosted.v1.json';
import scheduledTransactionRefusedV1 from './events/ScheduledTransactionRefused.v1.json';
import transactionPostedV1 from './events/TransactionPosted.v1.json';
import transactionPostedV2 from './events/TransactionPosted.v2.json';
import transactionPostedV3 from './events/TransactionPosted.v3.json';
import transactionScheduledV1 from './events/TransactionScheduled.v1.json';
import webhookDisabledV1 from './events/WebhookDisabled.v1.json';
import webhookEnabledV1 from './events/WebhookEnabled.v1.json';
import webhookSecretRotatedV1 from './events/WebhookSecretRotated.v1.json';
import webhookSubscribedV1 from './events/WebhookSubscribed.v1.json';

/** The JSON Schema of every version of every event type, by type and version. */
export const eventSchemas: Readonly<Record<string, Readonly<Record<number, object>>>> = {
  AccountChanged: { 1: accountChangedV1 },
  AccountClosed: { 1: accountClosedV1 },
  AccountFrozen: { 1: accountFrozenV1 },
  AccountOpened: { 1: accountOpenedV1, 2: accountOpenedV2, 3: accountOpenedV3 },
  AccountReopened: { 1: accountReopenedV1 },
  AccountUnfrozen: { 1: accountUnfrozenV1 },
  CompanyAddressChanged: { 1: companyAddressChangedV1 },
  CompanyCreated: { 1: companyCreatedV1 },
  CurrencyDefined: { 1: currencyDefinedV1 },
  EventAmended: { 1: eventAmendedV1 },
  HoldCaptured: { 1: holdCapturedV1 },
  HoldExpired: { 1: holdExpiredV1 },
  HoldPlaced: { 1: holdPlacedV1 },
  HoldVoided: { 1: holdVoidedV1 },
  InterestAccrualReversed: { 1: interestAccrualReversedV1 },
  InterestAccrued: { 1: interestAccruedV1, 2: interestAccruedV2, 3: interestAccruedV3 },
  InterestAdjusted: { 1: interestAdjustedV1, 2: interestAdjustedV2, 3: interestAdjustedV3 },
  InterestCalculated: { 1: interestCalculatedV1 },
  InterestSkipped: { 1: interestSkippedV1 },
  LimitChanged: { 1: limitChangedV1 },
  LimitCreated: { 1: limitCreatedV1 },
  LimitRemoved: { 1: limitRemovedV1 },
  OrderCancelled: { 1: orderCancelledV1 },
  OrderPlaced: { 1: orderPlacedV1, 2: orderPlacedV2 },
  OrderSettled: { 1: orderSettledV1, 2: orderSettledV2 },
  OrderSettlementReversed: { 1: orderSettlementReversedV1 },
  PeriodClosed: { 1: periodClosedV1 },
  PeriodReopened: { 1: periodReopenedV1 },
  ScheduledTransactionCancelled: { 1: scheduledTransactionCancelledV1 },
  ScheduledTransactionPosted: { 1: scheduledTransactionPostedV1 },
  ScheduledTransactionRefused: { 1: scheduledTransactionRefusedV1 },
  TransactionPosted: { 1: transactionPostedV1, 2: transactionPostedV2, 3: transactionPostedV3 },
  TransactionScheduled: { 1: transactionScheduledV1 },
  WebhookDisabled: { 1: webhookDisabledV1 },
  WebhookEnabled: { 1: webhookEnabledV1 },
  WebhookSecretRotated: { 1: webhookSecretRotatedV1 },
  WebhookSubscribed: { 1: webhookSubscribedV1 },
};
