import { needAccount } from '../accounts/account.queries';
import type { CreatorContext } from '../engine/creator';
import type { LedgerEvent } from '../engine/event';
import { Refusal } from '../engine/refusal';
import type { RowNeeds } from '../engine/state-session';
import { checkPostings, type PostingInput } from './posting-rules';
import { TransactionPosted, type TransactionPostedData } from './transaction.events';
import { transactions } from './transaction.table';

export interface PostTransactionInput {
  clientId?: string | undefined;
  description: string;
  /** `YYYY-MM-DD`; default today (UTC). */
  effectiveDate?: string | undefined;
  metadata?: Record<string, string> | undefined;
  postings: PostingInput[];
}

/** Names the rows that posting a transaction is going to read. */
export function needPostings(
  { clientId, postings }: Pick<PostTransactionInput, 'clientId' | 'postings'>,
  needs: RowNeeds,
): void {
  if (clientId !== undefined) needs.row(transactions, 'client_id', clientId);
  for (const { accountId } of postings) needAccount(needs, accountId);
}

/**
 * Posts a balanced transaction as a part of any command: the one way in which postings come about.
 * @param reverses the id of the transaction whose opposite this is
 * @throws Refusal `client_id_taken`, and what `checkPostings` refuses
 */
export async function postTransaction(
  context: CreatorContext,
  input: PostTransactionInput,
  reverses?: string,
): Promise<LedgerEvent<TransactionPostedData>> {
  const { clientId, description, metadata = {} } = input;
  const table = context.state.table(transactions);
  if (clientId !== undefined && (await table.find('client_id', clientId))) {
    throw new Refusal('client_id_taken', `A transaction with the clientId "${clientId}" exists`);
  }
  const postings = await checkPostings(context.state, input.postings);
  // Keys in the order of the canonical form: see canonicalJson.
  return context.append(TransactionPosted, {
    ...(clientId !== undefined && { clientId }),
    description,
    effectiveDate: input.effectiveDate ?? context.now.slice(0, 10),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    postings,
    ...(reverses !== undefined && { reverses }),
    transactionId: context.newId(),
  });
}
