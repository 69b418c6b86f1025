import type { Adapters } from '../../outside/adapters/adapters';
import { defineTaskHandler, type TaskHandler } from '../../outside/tasks/task-handler';
import { CONFIRMATION_UPLOAD, type ConfirmationUpload } from './order.materializers';

/** What orders ask for. */
export function orderTaskHandlers({ objects }: Pick<Adapters, 'objects'>): TaskHandler[] {
  const upload = defineTaskHandler<ConfirmationUpload>(
    CONFIRMATION_UPLOAD,
    {},
    async (payload, { taskId, signal }) => {
      // Named by the task, so that another attempt writes the same bytes to the same place.
      const name = `confirmations/${taskId}.json`;
      const body = confirmation(payload);
      const { location, sha256 } = await objects.put(name, body, 'application/json', { signal });
      return { location, sha256 };
    },
  );
  return [upload];
}

/** The confirmation of a settled order as JSON: of the same payload always the same bytes. */
export function confirmation(order: ConfirmationUpload): Buffer {
  const document = {
    document: 'order-confirmation',
    orderId: order.orderId,
    clientId: order.clientId,
    company: { id: order.companyId, name: order.companyName },
    side: order.side,
    symbol: order.symbol,
    quantity: order.quantity,
    currency: order.currency,
    executedAmount: order.executedAmount,
    fee: order.fee,
    cashAmount: order.cashAmount,
    cashAccountId: order.cashAccountId,
    settlementAccountId: order.settlementAccountId,
    feeAccountId: order.feeAccountId,
    transactionId: order.transactionId,
    placedAt: order.placedAt,
    settledAt: order.settledAt,
  };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`, 'utf8');
}
