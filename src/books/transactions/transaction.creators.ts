import { defineCreator } from '../../engine/define/creator';
import { loadedReferenced } from '../../engine/define/reference';
import { Refusal } from '../../engine/define/refusal';
import { needLimits } from '../limits/limit.rules';
import { needSource, refuseSourced } from './source.rules';
import { findTransaction, needTransaction } from './transaction.queries';
import { needPosted, needPosting, needPostings, opposite } from './transaction.rules';
import { postTransaction, refuseDay, reverseTransaction } from './transaction.rules';
import type { PostTransactionInput, ReversalInput } from './transaction.rules';
import { transactions } from './transaction.table';
import { soleTransactionView } from './transaction.view';
import type { TransactionDto } from './transaction.dto';

/** Posts a balanced transaction. Refuses what `postTransaction` refuses. */
export const PostTransaction = defineCreator<PostTransactionInput, TransactionDto>({
  name: 'PostTransaction',
  needs: needPostings,
  needsThen: ({ postings }, loaded, needs) => needLimits(postings, loaded, needs),
  run: async (context, input) => {
    await postTransaction(context, input);
  },
  answer: soleTransactionView,
});

/** `transactionId`: an id or `client:<clientId>`. */
export interface ReverseTransactionInput extends Omit<ReversalInput, 'id'> {
  transactionId: string;
}

/**
 * Posts the opposite of a transaction, once, and not before it. Refuses `not_found`, `has_source`
 * for a part of a fact that is undone as a whole, `future_effective_date`, `period_closed`, and
 * what reverseTransaction refuses.
 */
export const ReverseTransaction = defineCreator<ReverseTransactionInput, TransactionDto>({
  name: 'ReverseTransaction',
  needs: ({ transactionId, clientId }, needs) => {
    needPosting(needs);
    needTransaction(needs, transactionId);
    if (clientId !== undefined) needs.row(transactions, 'client_id', clientId);
  },
  needsThen: ({ transactionId }, loaded, needs) => {
    const original = loadedReferenced(loaded, transactions, transactionId);
    if (!original) return;
    needSource(needs, original.transaction_id);
    needPosted(original.postings.map(opposite), loaded, needs);
  },
  run: async (context, { transactionId, ...input }) => {
    const original = await findTransaction(context.state, transactionId);
    if (!original) throw new Refusal('not_found', `There is no transaction ${transactionId}`);
    await refuseSourced(context.state, original.transaction_id);
    const { effectiveDate } = input;
    if (effectiveDate !== undefined) await refuseDay(context, effectiveDate, 'effectiveDate');
    await reverseTransaction(context, original, input);
  },
  answer: soleTransactionView,
});
