import { balance, brokenLimits } from './accounts';
import {
  againstClientId,
  besides,
  find,
  named,
  refusalOf,
  refuse,
  Refused,
  type Books,
  type Line,
  type Reason,
  type Transaction,
} from './books';
import { exceeded, moved } from './limits';
import { minorOf, opposite, shown, type Direction } from './money';

export interface PostingBody {
  readonly accountId: string;
  readonly direction: Direction;
  readonly amount: string;
  readonly accountVersion?: number;
}

export interface TransactionBody {
  readonly clientId?: string;
  readonly effectiveDate?: string;
  readonly postings: readonly PostingBody[];
}

/** What the program answered, from which the model takes ids alone. */
export type Answer = Record<string, unknown>;

/** A transaction that is to be posted as a part of any command. */
export interface Wanted {
  readonly id: string;
  readonly clientId?: string | undefined;
  readonly date: string;
  readonly lines: readonly Line[];
  readonly holdId?: string;
  readonly source?: Transaction['source'];
  readonly reverses?: string;
  /** Whether it closes a period, or takes that back: closed and frozen accounts take it too. */
  readonly isClosing?: boolean;
}

/** Postings with the accounts that they name, in whose digits the amounts have to be. */
export function linesOf(books: Books, postings: readonly PostingBody[]): Line[] {
  return postings.map(({ accountId: reference, direction, amount }) => {
    const account = find(books.accounts, reference) ?? refuse('account_not_found');
    const [, fraction = ''] = amount.split('.');
    if (fraction.length > account.digits) refuse('validation_failed');
    return { accountId: account.id, direction, minor: minorOf(amount, account.digits) };
  });
}

/** What is against lines, whatever their accounts have. */
export function against(
  books: Books,
  lines: readonly Line[],
  postings: readonly Pick<PostingBody, 'accountVersion'>[] = [],
  isClosing = false,
): Reason[] {
  const codes: string[] = [];
  for (const [i, { accountId, direction, minor }] of lines.entries()) {
    const { version, isClosed, frozen } = books.account(accountId);
    const asked = postings[i]?.accountVersion;
    if (asked !== undefined && asked !== version) codes.push('account_version_mismatch');
    if (minor === 0n) codes.push('zero_amount');
    if (isClosing) continue;
    if (isClosed) codes.push('account_closed');
    if (frozen === 'all' || frozen === `${direction}s`) codes.push('account_frozen');
  }
  if (!isBalanced(books, lines)) codes.push('unbalanced_transaction');
  return codes.map((code) => ({ code }));
}

function isBalanced(books: Books, lines: readonly Line[]): boolean {
  const sums = new Map<string, bigint>();
  for (const { accountId, direction, minor } of lines) {
    const { currency } = books.account(accountId);
    const signed = direction === 'debit' ? minor : -minor;
    sums.set(currency, (sums.get(currency) ?? 0n) + signed);
  }
  return [...sums.values()].every((sum) => sum === 0n);
}

/** Why nothing is posted on a day. */
export function againstDay(books: Books, day: string): Reason[] {
  const isClosed = day <= (books.lastClose?.through ?? '');
  return [
    ...(day > books.today ? [{ code: 'future_effective_date' }] : []),
    ...(isClosed ? [{ code: 'period_closed' }] : []),
  ];
}

/** Posts it, whatever posts it; what no velocity limit counts is part of a fact, or of a hold. */
export function post(
  books: Books,
  wanted: Wanted,
  postings: readonly PostingBody[] = [],
): { transaction: Transaction; view: object } {
  const { id, clientId = null, date, lines, source = null, holdId, reverses } = wanted;
  const { isClosing = false } = wanted;
  const isCounted = source === null && holdId === undefined;
  const reasons = [
    ...againstDay(books, date),
    ...against(books, lines, postings, isClosing),
    ...againstClientId(books.transactions, clientId),
    ...(isCounted ? exceeded(books, lines) : []),
  ];
  const shownLines = lines.map((line) => applied(books, line));
  reasons.push(...brokenLimits(books, lines, !isClosing).map((code) => ({ code })));
  if (reasons.length > 0) throw new Refused(reasons);
  const transaction = { id, clientId, date, lines, reversedBy: null, source };
  books.transactions.set(id, transaction);
  if (reverses !== undefined) books.change(books.transactions, reverses, { reversedBy: id });
  if (isCounted) moved(books, lines);
  const of = { reverses: reverses ?? null, reversedBy: null, holdId: holdId ?? null, source };
  const view = { clientId, effectiveDate: date, ...of, postings: shownLines };
  return { transaction, view };
}

/** Adds a line to its account. @returns the posting as the API shows it */
function applied(books: Books, { accountId, direction, minor }: Line): object {
  const { version, debits, credits, currency, digits } = books.account(accountId);
  const sums = direction === 'debit' ? { debits: debits + minor } : { credits: credits + minor };
  const after = books.change(books.accounts, accountId, { ...sums, version: version + 1 });
  const balanceAfter = shown(balance(after), digits);
  return { accountId, direction, currency, amount: shown(minor, digits), balanceAfter };
}

export function postBody(books: Books, body: TransactionBody, id: string): object {
  const { clientId, effectiveDate: date = books.today, postings } = body;
  const others = againstClientId(books.transactions, clientId ?? null);
  const reasons = [...others, ...againstDay(books, date)];
  const lines = besides(reasons, () => linesOf(books, postings));
  return post(books, { id, clientId, date, lines }, postings).view;
}

interface BatchBody {
  readonly mode: 'atomic' | 'independent';
  readonly transactions: readonly TransactionBody[];
}

/** Each in its turn; what an item is refused for undoes that item, or where all or none, all. */
export function postBatch(books: Books, { mode, transactions }: BatchBody, answer: Answer): object {
  const given = (answer['results'] ?? []) as { transaction?: { id: string } }[];
  const results = transactions.map((item, index) => {
    const attempt = books.copy();
    const id = given[index]?.transaction?.id ?? `${index}`;
    let transaction: object | undefined;
    const reasons = refusalOf(() => (transaction = postBody(attempt, item, id)));
    if (reasons.length === 0) {
      books.take(attempt);
      return { status: 201, transaction };
    }
    if (mode === 'independent') return { reasons };
    throw new Refused(reasons.map((reason) => ({ ...reason, index })));
  });
  return { results };
}

interface ReversalBody {
  readonly clientId?: string;
  readonly effectiveDate?: string;
}

export function reverse(books: Books, reference: string, body: ReversalBody, id: string): object {
  const original = named(books.transactions, reference);
  const { clientId, effectiveDate: date = books.today } = body;
  const against = [
    ...(original.source !== null ? ['has_source'] : []),
    ...(original.reversedBy !== null ? ['already_reversed'] : []),
    ...(date < original.date ? ['reversal_before_original'] : []),
  ];
  const reasons = [...against.map((code) => ({ code })), ...againstDay(books, date)];
  if (reasons.length > 0) throw new Refused(reasons);
  return post(books, { id, clientId, date, lines: undone(original), reverses: original.id }).view;
}

/** The lines that undo a transaction. */
export function undone({ lines }: Transaction): Line[] {
  return lines.map((line) => ({ ...line, direction: opposite(line.direction) }));
}
