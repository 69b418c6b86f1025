import { needAccount } from '../accounts/account.queries';
import { defineCreator } from '../../engine/define/creator';
import { loadedReferenced } from '../../engine/define/reference';
import { Refusal } from '../../engine/define/refusal';
import { findTransaction, needTransaction } from './transaction.queries';
import { needPostings, postTransaction, type PostTransactionInput } from './transaction.rules';
import { transactions } from './transaction.table';
import { postedTransactionView } from './transaction.view';
import type { TransactionDto } from './transaction.dto';

/** Posts a balanced transaction. Refuses `client_id_taken` and what `checkPostings` refuses. */
export const PostTransaction = defineCreator<PostTransactionInput, TransactionDto>({
  name: 'PostTransaction',
  needs: needPostings,
  run: async (context, input) => {
    await postTransaction(context, input);
  },
  answer: ([event]) => postedTransactionView(event!),
});

/** `transactionId`: an id or `client:<clientId>`. */
export interface ReverseTransactionInput {
  transactionId: string;
  clientId?: string | undefined;
  description?: string | undefined;
  effectiveDate?: string | undefined;
}

/**
 * Posts the opposite of a transaction, once. Refuses `not_found`, `already_reversed` and what
 * posting refuses: a limit holds for a reversal too.
 */
export const ReverseTransaction = defineCreator<ReverseTransactionInput, TransactionDto>({
  name: 'ReverseTransaction',
  needs: ({ transactionId, clientId }, needs) => {
    needTransaction(needs, transactionId);
    if (clientId !== undefined) needs.row(transactions, 'client_id', clientId);
  },
  needsThen: ({ transactionId }, loaded, needs) => {
    const original = loadedReferenced(loaded, transactions, transactionId);
    for (const { accountId } of original?.postings ?? []) needAccount(needs, accountId);
  },
  run: async (context, { transactionId, ...input }) => {
    const original = await findTransaction(context.state, transactionId);
    if (!original) throw new Refusal('not_found', `There is no transaction ${transactionId}`);
    const id = original.transaction_id;
    if (original.reversed_by !== null) {
      const by = original.reversed_by;
      throw new Refusal('already_reversed', `Transaction ${id} is reversed by ${by}`);
    }
    const postings = original.postings.map(({ accountId, direction, amount }) => ({
      accountId,
      direction: direction === 'debit' ? ('credit' as const) : ('debit' as const),
      amount: BigInt(amount),
    }));
    const description = input.description ?? `Reversal of ${original.description}`;
    await postTransaction(context, { ...input, description, postings }, id);
  },
  answer: ([event]) => postedTransactionView(event!),
});
