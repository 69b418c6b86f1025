import { needAccount } from '../accounts/account.queries';
import { defineCreator, type CreatorContext } from '../engine/creator';
import { Refusal } from '../engine/refusal';
import type { RowNeeds } from '../engine/state-session';
import { checkPostings, type PostingInput } from './posting-rules';
import { TransactionPosted } from './transaction.events';
import { findTransaction, needTransaction, readPostedAmounts } from './transaction.queries';
import { transactions } from './transaction.table';
import { postedTransactionView, type TransactionView } from './transaction.view';

export interface PostTransactionInput {
  clientId?: string | undefined;
  description: string;
  /** `YYYY-MM-DD`; default today (UTC). */
  effectiveDate?: string | undefined;
  metadata?: Record<string, string> | undefined;
  postings: PostingInput[];
}

/** Posts a balanced transaction. Refuses `client_id_taken` and what `checkPostings` refuses. */
export const PostTransaction = defineCreator<PostTransactionInput, TransactionView>({
  name: 'PostTransaction',
  needs: needTransactionRows,
  run: async (context, input) => {
    await post(context, input);
  },
  answer: ([event]) => postedTransactionView(event!),
});

function needTransactionRows(input: PostTransactionInput, needs: RowNeeds): void {
  const { clientId, postings } = input;
  if (clientId !== undefined) needs.row(transactions, 'client_id', clientId);
  for (const { accountId } of postings) needAccount(needs, accountId);
}

async function post(
  context: CreatorContext,
  input: PostTransactionInput,
  reverses?: string,
): Promise<void> {
  const { clientId, description, metadata = {} } = input;
  const table = context.state.table(transactions);
  if (clientId !== undefined && (await table.find('client_id', clientId))) {
    throw new Refusal('client_id_taken', `A transaction with the clientId "${clientId}" exists`);
  }
  const postings = await checkPostings(context.state, input.postings);
  // Keys in the order of the canonical form: see canonicalJson.
  await context.append(TransactionPosted, {
    ...(clientId !== undefined && { clientId }),
    description,
    effectiveDate: input.effectiveDate ?? context.now.slice(0, 10),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    postings,
    ...(reverses !== undefined && { reverses }),
    transactionId: context.newId(),
  });
}

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
export const ReverseTransaction = defineCreator<ReverseTransactionInput, TransactionView>({
  name: 'ReverseTransaction',
  needs: ({ transactionId, clientId }, needs) => {
    needTransaction(needs, transactionId);
    if (clientId !== undefined) needs.row(transactions, 'client_id', clientId);
  },
  run: async (context, { transactionId, ...input }) => {
    const original = await findTransaction(context.state, transactionId);
    if (!original) throw new Refusal('not_found', `There is no transaction ${transactionId}`);
    const id = original.transaction_id;
    if (original.reversed_by !== null) {
      const by = original.reversed_by;
      throw new Refusal('already_reversed', `Transaction ${id} is reversed by ${by}`);
    }
    const posted = await context.state.query((db) => readPostedAmounts(db, original));
    const postings = posted.map(({ accountId, direction, amount }): PostingInput => ({
      accountId,
      direction: direction === 'debit' ? 'credit' : 'debit',
      amount,
    }));
    const description = input.description ?? `Reversal of ${original.description}`;
    await post(context, { ...input, description, postings }, id);
  },
  answer: ([event]) => postedTransactionView(event!),
});
