import { defineCreator, type Creator, type Outcome } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { PostTransaction } from './transaction.creators';
import type { PostTransactionInput } from './transaction.rules';
import type { TransactionDto } from './transaction.dto';

export interface PostTransactionBatchInput {
  mode: 'atomic' | 'independent';
  transactions: (PostTransactionInput & { idempotencyKey?: string | undefined })[];
}

/** What became of one transaction of a batch. */
export type BatchResult =
  | { transaction: TransactionDto; isHit: boolean }
  | { refusal: Pick<Refusal, 'code' | 'detail' | 'details'>; isHit: boolean };

/**
 * Posts transactions in one atomic step of the ledger, each a command of its own. Atomic: all or
 * none; the refusal is that of the first transaction that was refused, and names its index.
 */
export const PostTransactionBatch = batchOf('PostTransactionBatch', PostTransaction);

/** A batch of commands each of which posts one transaction. */
export function batchOf(
  name: string,
  creator: Creator<PostTransactionInput, TransactionDto>,
): Creator<PostTransactionBatchInput, BatchResult[]> {
  return defineCreator({
    name,
    needs: ({ transactions }, needs) => {
      for (const { idempotencyKey, ...input } of transactions) {
        if (idempotencyKey !== undefined) needs.idempotencyKey(idempotencyKey);
        creator.needs?.(input, needs);
      }
    },
    needsThen: ({ transactions }, loaded, needs) => {
      for (const input of transactions) creator.needsThen?.(input, loaded, needs);
    },
    run: async (context, { mode, transactions }) => {
      const results: BatchResult[] = [];
      for (const [index, { idempotencyKey, ...input }] of transactions.entries()) {
        const outcome = await context.run(creator, input, { idempotencyKey });
        if (outcome.kind === 'refused' && mode === 'atomic') {
          throw refusalAt(index, outcome.refusal);
        }
        results.push(resultOf(outcome));
      }
      return results;
    },
  });
}

function resultOf(outcome: Outcome<TransactionDto>): BatchResult {
  const { isHit } = outcome;
  if (outcome.kind === 'accepted') return { transaction: outcome.answer, isHit };
  const { code, detail, details } = outcome.refusal;
  return { refusal: { code, detail, details }, isHit };
}

/** The refusal of one transaction as the refusal of the whole batch. */
function refusalAt(index: number, { code, detail, details }: Refusal): Refusal {
  const errors = details.errors?.map(({ pointer, message }) => ({
    pointer: `/transactions/${index}${pointer}`,
    message,
  }));
  return new Refusal(code, `Transaction ${index}: ${detail}`, {
    ...details,
    index,
    ...(errors && { errors }),
  });
}
