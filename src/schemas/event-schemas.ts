// Written by `npm run schemas`.
import accountChangedV1 from './events/AccountChanged.v1.json';
import accountClosedV1 from './events/AccountClosed.v1.json';
import accountFrozenV1 from './events/AccountFrozen.v1.json';
import accountOpenedV1 from './events/AccountOpened.v1.json';
import accountReopenedV1 from './events/AccountReopened.v1.json';
import accountUnfrozenV1 from './events/AccountUnfrozen.v1.json';
import companyAddressChangedV1 from './events/CompanyAddressChanged.v1.json';
import companyCreatedV1 from './events/CompanyCreated.v1.json';
import eventAmendedV1 from './events/EventAmended.v1.json';
import interestAccruedV1 from './events/InterestAccrued.v1.json';
import interestAdjustedV1 from './events/InterestAdjusted.v1.json';
import orderCancelledV1 from './events/OrderCancelled.v1.json';
import orderPlacedV1 from './events/OrderPlaced.v1.json';
import orderSettledV1 from './events/OrderSettled.v1.json';
import orderSettlementReversedV1 from './events/OrderSettlementReversed.v1.json';
import transactionPostedV1 from './events/TransactionPosted.v1.json';
import webhookDisabledV1 from './events/WebhookDisabled.v1.json';
import webhookEnabledV1 from './events/WebhookEnabled.v1.json';
import webhookSecretRotatedV1 from './events/WebhookSecretRotated.v1.json';
import webhookSubscribedV1 from './events/WebhookSubscribed.v1.json';

/** The JSON Schema of every version of every event type, by type and version. */
export const eventSchemas: Readonly<Record<string, Readonly<Record<number, object>>>> = {
  AccountChanged: { 1: accountChangedV1 },
  AccountClosed: { 1: accountClosedV1 },
  AccountFrozen: { 1: accountFrozenV1 },
  AccountOpened: { 1: accountOpenedV1 },
  AccountReopened: { 1: accountReopenedV1 },
  AccountUnfrozen: { 1: accountUnfrozenV1 },
  CompanyAddressChanged: { 1: companyAddressChangedV1 },
  CompanyCreated: { 1: companyCreatedV1 },
  EventAmended: { 1: eventAmendedV1 },
  InterestAccrued: { 1: interestAccruedV1 },
  InterestAdjusted: { 1: interestAdjustedV1 },
  OrderCancelled: { 1: orderCancelledV1 },
  OrderPlaced: { 1: orderPlacedV1 },
  OrderSettled: { 1: orderSettledV1 },
  OrderSettlementReversed: { 1: orderSettlementReversedV1 },
  TransactionPosted: { 1: transactionPostedV1 },
  WebhookDisabled: { 1: webhookDisabledV1 },
  WebhookEnabled: { 1: webhookEnabledV1 },
  WebhookSecretRotated: { 1: webhookSecretRotatedV1 },
  WebhookSubscribed: { 1: webhookSubscribedV1 },
};
