import assert from 'node:assert';
import { needAccount } from '../accounts/account.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { loadedReferenced } from '../../engine/define/reference';
import { needLimits } from '../limits/limit.rules';
import { findTransaction, needTransaction } from '../transactions/transaction.queries';
import { needPosting, opposite, reverseTransaction } from '../transactions/transaction.rules';
import { transactions, type PostedTransactionRow } from '../transactions/transaction.table';
import { orderIn } from './order.creators';
import { OrderSettlementReversed } from './order.events';
import { findOrder, needOrder } from './order.queries';
import { orders } from './order.table';
import { orderView } from './order.view';
import type { OrderDto } from './order.dto';

/** `orderId`: an id or `client:<clientId>`. */
export interface ReverseSettlementInput {
  orderId: string;
  reason: string;
}

/**
 * Takes a settlement back, its postings (with today's date) and the order's state in one step: the
 * order is open again, and may be settled another time. The confirmation that was laid down stays.
 * Refuses, in this order: `not_found`, `order_not_open` for an order that is not settled, and what
 * reversing a transaction refuses.
 */
export const ReverseSettlement = defineCreator<ReverseSettlementInput, OrderDto>({
  name: 'ReverseSettlement',
  needs: ({ orderId }, needs) => {
    needPosting(needs);
    needOrder(needs, orderId);
  },
  needsThen: ({ orderId }, loaded, needs) => {
    const order = loadedReferenced(loaded, orders, orderId);
    if (order?.status !== 'settled') return;
    needTransaction(needs, order.transaction_id!);
    needAccount(needs, order.cash_account_id);
    needAccount(needs, order.settlement_account_id);
    if (order.fee_account_id !== null) needAccount(needs, order.fee_account_id);
    const settled = loaded.row(transactions, 'transaction_id', order.transaction_id!);
    if (settled) needLimits(settled.postings.map(opposite), loaded, needs);
  },
  run: async (context, { orderId: reference, reason }) => {
    const order = await orderIn(context, reference, 'settled');
    const [orderId, transactionId] = [order.order_id, order.transaction_id!];
    const reversalTransactionId = await takeBack(context, transactionId);
    // Keys in the order of the canonical form: see canonicalJson.
    const data = { orderId, reason, reversalTransactionId, transactionId };
    await context.append(OrderSettlementReversed, data);
    return orderView((await findOrder(context.state, orderId))!);
  },
});

/**
 * Reverses the postings of a settlement. Earlier versions let them be reversed alone, and that
 * again: what is in effect is reversed now, and where nothing is any more, nothing is posted.
 * @returns the id of the reversal
 */
async function takeBack(context: CreatorContext, transactionId: string): Promise<string> {
  let inEffect = await posted(context, transactionId);
  while (inEffect.reversed_by !== null) {
    const reversal = await posted(context, inEffect.reversed_by);
    if (reversal.reversed_by === null) return reversal.transaction_id;
    inEffect = await posted(context, reversal.reversed_by);
  }
  const { data } = await reverseTransaction(context, inEffect);
  return data.transactionId;
}

async function posted({ state }: CreatorContext, id: string): Promise<PostedTransactionRow> {
  const transaction = await findTransaction(state, id);
  assert(transaction, `No transaction ${id}`);
  return transaction;
}
