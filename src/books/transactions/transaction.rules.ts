import { needAccount } from '../accounts/account.queries';
import type { CreatorContext } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import type { LoadedRows, RowNeeds } from '../../engine/define/state-session';
import { parseAmount } from '../../money/amount';
import { MAX_CURRENCY_DIGITS } from '../../money/currency';
import { limitedMovements, needLimits, useLimits } from '../limits/limit.rules';
import { needTokens } from '../search/search.rules';
import { needClosedDays, refuseClosed } from './closed-days.rules';
import { checkClosing, checkPostings, type PostingInput } from './posting.rules';
import { TransactionPosted } from './transaction.events';
import type { Direction, PostedPosting, TransactionPostedData } from './transaction.events';
import { transactions, type PostedAmount, type PostedTransactionRow } from './transaction.table';

export interface PostTransactionInput {
  clientId?: string | undefined;
  description: string;
  /** `YYYY-MM-DD`, not after today, and in no closed period; default today. */
  effectiveDate?: string | undefined;
  metadata?: Record<string, string> | undefined;
  postings: PostingInput[];
}

/** The same from within the program. */
export interface TransactionInput extends Omit<PostTransactionInput, 'postings'> {
  postings: PostingInput<string | bigint>[];
  /** Made ahead, where an event before it names the transaction. */
  id?: string | undefined;
  /** The hold that it captures. */
  holdId?: string | undefined;
}

/** Names what posting any transaction reads. */
export function needPosting(needs: Pick<RowNeeds, 'row'>): void {
  needClosedDays(needs);
  needTokens(needs);
}

/** Names the rows that posting a transaction is going to read. */
export function needPostings(
  { clientId, postings }: Pick<PostTransactionInput, 'clientId' | 'postings'>,
  needs: RowNeeds,
): void {
  needPosting(needs);
  if (clientId !== undefined) needs.row(transactions, 'client_id', clientId);
  for (const { accountId } of postings) needAccount(needs, accountId);
}

/** Names those that are known only from rows that were loaded: what is posted, and to where. */
export function needPosted(
  postings: Parameters<typeof needLimits>[0],
  loaded: LoadedRows,
  needs: Pick<RowNeeds, 'row'>,
): void {
  for (const { accountId } of postings) needAccount(needs, accountId);
  needLimits(postings, loaded, needs);
}

/** What a transaction has at least and at most. */
export const [MIN_POSTINGS, MAX_POSTINGS] = [2, 1000];

/**
 * Refuses postings that no creator checked where they are none, or debits and credits differ.
 * @throws Refusal `validation_failed`, `zero_amount`, `unbalanced_transaction`
 */
export function refuseUnbalanced({
  postings,
}: {
  readonly postings: readonly Omit<PostedPosting, 'balanceAfter'>[];
}): void {
  const sums = new Map<string, bigint>();
  const errors: FieldError[] = [];
  if (postings.length < MIN_POSTINGS || postings.length > MAX_POSTINGS) {
    const message = `must have ${MIN_POSTINGS} to ${MAX_POSTINGS} items`;
    errors.push({ pointer: '/data/postings', message });
  }
  for (const [i, posting] of postings.entries()) {
    const { accountId, amount: text, currency, direction } = posting;
    // Whatever digits the currency has: in so many its amounts are as equal as in its own.
    const amount = parseAmount(text, MAX_CURRENCY_DIGITS);
    if (amount === undefined) {
      const message = `must have at most ${MAX_CURRENCY_DIGITS} decimals`;
      errors.push({ pointer: `/data/postings/${i}/amount`, message });
      continue;
    }
    if (amount === 0n) {
      throw new Refusal('zero_amount', `Posting ${i} has the amount ${text}`, { accountId });
    }
    const sum = sums.get(currency) ?? 0n;
    sums.set(currency, direction === 'debit' ? sum + amount : sum - amount);
  }
  if (errors.length > 0) {
    throw new Refusal('validation_failed', 'The request is not valid', { errors });
  }
  for (const [currency, sum] of sums) {
    if (sum === 0n) continue;
    throw new Refusal('unbalanced_transaction', `Debits and credits differ in ${currency}`);
  }
}

/**
 * Refuses what would take effect after today: it cannot be posted before its day has come.
 * @param field where the request says the day
 * @throws Refusal `future_effective_date`
 */
export function refuseFuture({ today }: CreatorContext, day: string, field: string): void {
  if (day <= today) return;
  const message = `is ${day}, which is after today, ${today} in the book's time zone`;
  throw new Refusal('future_effective_date', `${field} ${message}`, {
    errors: [{ pointer: `/${field}`, message }],
  });
}

export interface PostingOptions {
  /**
   * The transaction whose opposite this is. On its own day that may be posted even where the day is
   * to come: a fact that an older version dated so can be undone as a whole.
   */
  readonly reverses?: PostedTransactionRow;
  /** Whether no velocity limit counts it: interest. */
  readonly isExempt?: boolean;
  /**
   * Whether it closes a period, or takes that back. No velocity limit counts it, closed and frozen
   * accounts do not stop it, and who posts it asks for the limits of balances.
   */
  readonly isClosing?: boolean;
}

/**
 * Refuses a day that nothing can be posted on: one to come, or one of a closed period.
 * @param field where the request says the day
 * @throws Refusal `future_effective_date`, `period_closed`
 */
export function refuseDay(
  context: CreatorContext,
  day: string,
  field: string,
): void | Promise<void> {
  refuseFuture(context, day, field);
  return refuseClosed(context.state, day, field);
}

/**
 * Posts a balanced transaction as a part of any command: the one way in which postings come about.
 * @throws Refusal `future_effective_date`, `period_closed`, `client_id_taken`,
 *   `velocity_limit_exceeded`, and what `checkPostings` refuses
 */
export async function postTransaction(
  context: CreatorContext,
  input: TransactionInput,
  { reverses, isExempt = false, isClosing = false }: PostingOptions = {},
): Promise<LedgerEvent<TransactionPostedData>> {
  const { clientId, description, effectiveDate = context.today, metadata = {}, holdId } = input;
  if (effectiveDate !== reverses?.effective_date) {
    refuseFuture(context, effectiveDate, 'effectiveDate');
  }
  const asked = refuseClosed(context.state, effectiveDate, 'effectiveDate');
  if (asked) await asked;
  const table = context.state.table(transactions);
  if (clientId !== undefined && (await table.find('client_id', clientId))) {
    throw new Refusal('client_id_taken', `A transaction with the clientId "${clientId}" exists`);
  }
  const postings = isClosing
    ? await checkClosing(context.state, input.postings)
    : await checkPostings(context, input.postings);
  // A hold was counted when it was placed.
  const isCounted = !isExempt && !isClosing && holdId === undefined;
  const movements = isCounted ? limitedMovements(context.state, postings) : undefined;
  const limits = movements && (await useLimits(context, movements));
  // Keys in the order of the canonical form: see canonicalJson.
  return context.append(TransactionPosted, {
    ...(clientId !== undefined && { clientId }),
    description,
    effectiveDate,
    ...(holdId !== undefined && { holdId }),
    ...(limits !== undefined && { limits }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    postings,
    ...(reverses !== undefined && { reverses: reverses.transaction_id }),
    transactionId: input.id ?? context.newId(),
  });
}

/** Why postings could not be posted now, as a transaction; undefined where they could. */
export async function whyNotPosted(
  context: CreatorContext,
  postings: TransactionInput['postings'],
): Promise<Refusal | undefined> {
  try {
    await checkPostings(context, postings);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** What the reversal of a transaction may say of itself; by default it has today's date. */
export type ReversalInput = Pick<TransactionInput, 'id' | 'clientId' | 'effectiveDate'> & {
  description?: string | undefined;
};

/**
 * Posts the opposite of a transaction, once and not before it, as a part of any command. Whether it
 * is part of a fact that is undone as a whole is not asked.
 * @throws Refusal `already_reversed`, `reversal_before_original`, and what {@link postTransaction}
 *   refuses: a limit holds for a reversal too
 */
export function reverseTransaction(
  context: CreatorContext,
  original: PostedTransactionRow,
  input: ReversalInput = {},
  options: Omit<PostingOptions, 'reverses'> = {},
): Promise<LedgerEvent<TransactionPostedData>> {
  const id = original.transaction_id;
  if (original.reversed_by !== null) {
    const by = original.reversed_by;
    throw new Refusal('already_reversed', `Transaction ${id} is reversed by ${by}`);
  }
  refuseBefore(original, input.effectiveDate ?? context.today);
  const postings = original.postings.map(opposite);
  const description = input.description ?? `Reversal of ${original.description}`;
  return postTransaction(
    context,
    { ...input, description, postings },
    {
      ...options,
      reverses: original,
    },
  );
}

/** What takes a posting back; its amount in minor units. */
export function opposite({ accountId, direction, amount }: PostedAmount) {
  const other: Direction = direction === 'debit' ? 'credit' : 'debit';
  return { accountId, direction: other, amount: BigInt(amount) };
}

/** @throws Refusal `reversal_before_original` */
function refuseBefore(original: PostedTransactionRow, effectiveDate: string): void {
  const { transaction_id: id, effective_date: first } = original;
  if (effectiveDate >= first) return;
  const message = `is ${effectiveDate}, which is before ${first}, the date of transaction ${id}`;
  throw new Refusal('reversal_before_original', `effectiveDate ${message}`, {
    errors: [{ pointer: '/effectiveDate', message }],
  });
}
