import { Injectable } from '@nestjs/common';
import type { TaskContext, TaskHandler } from '../../engine/define/task-handler';
import { ObjectStore } from '../../outside/adapters/object-store';
import { CONFIRMATION_UPLOAD, type ConfirmationUpload } from './order.materializers';

/** Keeps the confirmations of settled orders where others can fetch them. */
@Injectable()
export class ConfirmationUploads implements TaskHandler<ConfirmationUpload> {
  readonly name = CONFIRMATION_UPLOAD;

  constructor(private readonly objects: ObjectStore) {}

  async run(payload: ConfirmationUpload, { taskId, signal }: TaskContext) {
    // Named by the task, so that another attempt writes the same bytes to the same place.
    const name = `confirmations/${taskId}.json`;
    const body = confirmation(payload);
    const { location, sha256 } = await this.objects.put(name, body, 'application/json', { signal });
    return { location, sha256 };
  }
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
