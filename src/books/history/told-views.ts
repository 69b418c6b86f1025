import assert from 'node:assert';
import type { LedgerEvent } from '../../engine/define/event';
import {
  WebhookDisabled,
  WebhookEnabled,
  WebhookSecretRotated,
  WebhookSubscribed,
  type WebhookSecretRotatedData,
  type WebhookSubscribedData,
} from '../../outside/webhooks/webhook.events';
import type { WebhookSubscriptionDto } from '../../outside/webhooks/webhook.dto';
import { subscribedView } from '../../outside/webhooks/webhook.view';
import type { CompanyDto } from '../companies/company.dto';
import {
  CompanyAddressChanged,
  CompanyCreated,
  type CompanyAddressChangedData,
  type CompanyCreatedData,
} from '../companies/company.events';
import type { HoldDto } from '../holds/hold.dto';
import { HoldCaptured, HoldExpired, HoldPlaced, HoldVoided } from '../holds/hold.events';
import type { HoldCapturedData, HoldPlacedData } from '../holds/hold.events';
import { minorUnits, withDigitsOf } from '../holds/hold.rules';
import { holdView, placedHold } from '../holds/hold.view';
import type { OrderDto } from '../orders/order.dto';
import {
  OrderCancelled,
  OrderPlaced,
  OrderSettled,
  OrderSettlementReversed,
  type OrderPlacedData,
  type OrderSettledData,
} from '../orders/order.events';

/**
 * What is kept as it is alone, and not as it was, is told again from its events, which say all of
 * it: the view after an event, of the view before. A test compares the last one with what is kept.
 */
type Telling<View> = Readonly<Record<string, (event: LedgerEvent, before: View) => View>>;

const companyTold: Telling<CompanyDto> = {
  [CompanyCreated.type]: ({ data, recordedAt, position }) => {
    const { companyId: id, clientId, name, contactEmail, address } = data as CompanyCreatedData;
    const made = { version: 1, createdAt: recordedAt, position };
    return { id, clientId, name, contactEmail, address, ...made };
  },
  [CompanyAddressChanged.type]: (event, before) =>
    next(event, before, { address: (event.data as CompanyAddressChangedData).address }),
};

const NOT_SETTLED = {
  executedAmount: null,
  fee: null,
  feeAccountId: null,
  cashAmount: null,
  transactionId: null,
  settledAt: null,
};

const orderTold: Telling<OrderDto> = {
  [OrderPlaced.type]: ({ data, recordedAt, position }) => {
    const { orderId: id, ...order } = data as OrderPlacedData;
    const made = { version: 1, createdAt: recordedAt, position };
    return { id, ...order, status: 'placed', ...NOT_SETTLED, ...made };
  },
  [OrderSettled.type]: (event, before) => {
    const data = event.data as OrderSettledData;
    const { executedAmount, fee, feeAccountId, cashAmount, transactionId, settledAt } = data;
    const settled = { executedAmount, fee, feeAccountId, cashAmount, transactionId, settledAt };
    return next(event, before, { status: 'settled', ...settled });
  },
  [OrderCancelled.type]: (event, before) => next(event, before, { status: 'cancelled' }),
  [OrderSettlementReversed.type]: (event, before) =>
    next(event, before, { status: 'placed', ...NOT_SETTLED }),
};

const holdTold: Telling<HoldDto> = {
  [HoldPlaced.type]: (event) => holdView(placedHold(event as LedgerEvent<HoldPlacedData>)),
  [HoldCaptured.type]: (event, before) => {
    const { final, postings, transactionId } = event.data as HoldCapturedData;
    return next(event, before, {
      status: final ? 'captured' : 'held',
      postings: captured(before.postings, postings),
      transactionIds: [...before.transactionIds, transactionId],
    });
  },
  [HoldVoided.type]: (event, before) => next(event, before, { status: 'voided' }),
  [HoldExpired.type]: (event, before) => next(event, before, { status: 'expired' }),
};

/** Of two postings on one side of an account the first is captured first. */
function captured(
  held: HoldDto['postings'],
  taken: HoldCapturedData['postings'],
): HoldDto['postings'] {
  const lines = held.map((line) => ({ ...line }));
  for (const { accountId, direction, amount } of taken) {
    let rest = minorUnits(amount);
    for (const line of lines) {
      if (line.accountId !== accountId || line.direction !== direction) continue;
      const before = minorUnits(line.captured);
      const left = minorUnits(line.amount) - before;
      const part = rest < left ? rest : left;
      line.captured = withDigitsOf(line.amount, before + part);
      rest -= part;
    }
    assert(rest === 0n, 'More was captured than was held');
  }
  return lines;
}

const subscriptionTold: Telling<WebhookSubscriptionDto> = {
  [WebhookSubscribed.type]: (event) => subscribedView(event as LedgerEvent<WebhookSubscribedData>),
  [WebhookSecretRotated.type]: ({ data, position }, before) => {
    const { secretVersion } = data as WebhookSecretRotatedData;
    return { ...before, secretVersion, position };
  },
  [WebhookDisabled.type]: ({ position }, before) => ({ ...before, status: 'disabled', position }),
  [WebhookEnabled.type]: ({ position }, before) => ({ ...before, status: 'active', position }),
};

function next<View extends { version: number; position: number }>(
  { position }: LedgerEvent,
  before: View,
  change: Partial<View>,
): View {
  return { ...before, ...change, version: before.version + 1, position };
}

type Steps = Readonly<Record<string, (event: LedgerEvent, before: never) => object>>;

const TOLD: Readonly<Record<ToldKind, Steps>> = {
  company: companyTold,
  order: orderTold,
  hold: holdTold,
  subscription: subscriptionTold,
};

/** What is told from its events. */
export type ToldKind = 'company' | 'order' | 'hold' | 'subscription';

/**
 * The view of something after some of its events and before each of them, by position.
 * @param pages of all its events from the first on, in order: one at a time is in memory
 * @param asked the positions of those events
 */
export async function tellViews(
  kind: ToldKind,
  pages: AsyncIterable<readonly LedgerEvent[]>,
  asked: ReadonlySet<number>,
): Promise<Map<number, object>> {
  const views = new Map<number, object>();
  let view: object | undefined;
  let last = 0;
  for await (const events of pages) {
    for (const event of events) {
      const { position } = event;
      if (view && asked.has(position)) views.set(last, view);
      const step = TOLD[kind][event.type] as
        ((event: LedgerEvent, before: object | undefined) => object) | undefined;
      if (step) view = step(event, view);
      if (view && asked.has(position)) views.set(position, view);
      last = position;
    }
  }
  return views;
}
