import { createHash } from 'node:crypto';
import {
  find,
  named,
  refuse,
  Refused,
  type Books,
  type Close,
  type Line,
  type Reason,
} from './books';
import { shown } from './money';
import { refusalOf } from './books';
import { postSourced, type PostedFact } from './sourced';
import { post, undone, type Answer } from './transactions';

export interface CloseBody {
  readonly through: string;
  readonly closeTo?: readonly string[];
}

/** What a close seals: of each currency the accounts that are not at zero. */
interface SealedCurrency {
  readonly currency: string;
  readonly rows: readonly { accountId: string; debit: string; credit: string }[];
  readonly totalDebit: string;
  readonly totalCredit: string;
}

export function closePeriod(
  books: Books,
  { through, closeTo }: CloseBody,
  answer: Answer,
  facts: readonly PostedFact[] | undefined,
): object {
  const id = String(answer['id']);
  const ids = (answer['transactionIds'] ?? []) as string[];
  const reasons: Reason[] = [];
  const isAfter = through > (books.lastClose?.through ?? '');
  if (!isAfter) reasons.push({ code: 'period_already_closed' });
  if (through > books.today) reasons.push({ code: 'future_effective_date' });
  const equity = new Map<string, string>();
  for (const reference of closeTo ?? []) {
    const account = find(books.accounts, reference);
    if (!account) reasons.push({ code: 'account_not_found' });
    else if (account.isClosed) reasons.push({ code: 'account_closed' });
    else if (account.type !== 'equity') reasons.push({ code: 'account_not_eligible' });
    else if (equity.has(account.currency)) reasons.push({ code: 'validation_failed' });
    else equity.set(account.currency, account.id);
  }
  if (reasons.length > 0) throw new Refused(reasons);
  const closings = closeTo ? closingLines(books, through, equity) : [];
  expect(ids).toHaveLength(facts ? closings.length : ids.length);
  const source = { type: 'period_close', id };
  for (const [i, lines] of closings.entries()) {
    const of = { id: ids[i] ?? `${i}`, date: through, source, isClosing: true };
    reasons.push(
      ...refusalOf(() => postSourced(books, of, lines ?? refuse('currency_mismatch'), facts)),
    );
  }
  if (reasons.length > 0) throw new Refused(reasons);
  const sealed = trialBalance(books, through);
  const digest = createHash('sha256').update(canonical(sealed)).digest('hex');
  const from = books.lastClose?.through ?? '';
  const days = { from, through };
  books.closes.set(id, { id, ...days, transactionIds: ids, digest, reopenedAfter: null });
  const currencies = sealed.map(({ rows: _, ...totals }) => totals);
  return { through, digest, currencies, reopened: null };
}

/**
 * By currency, in order: what brings income and expense to zero as of a day, and the result;
 * undefined where there is no account for that.
 */
function closingLines(
  books: Books,
  through: string,
  equity: Map<string, string>,
): (Line[] | undefined)[] {
  const nets = netsAsOf(books, through);
  const byCurrency = new Map<string, Line[]>();
  for (const { id, type, currency } of books.accounts.values()) {
    const net = nets.get(id) ?? 0n;
    if (!['income', 'expense'].includes(type) || net === 0n) continue;
    byCurrency.set(currency, [...(byCurrency.get(currency) ?? []), lineOf(id, -net)]);
  }
  return [...byCurrency]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, lines]) => {
      const carried = lines.reduce((sum, line) => sum + signed(line), 0n);
      if (carried === 0n) return lines;
      const to = equity.get(currency);
      return to === undefined ? undefined : [...lines, lineOf(to, -carried)];
    });
}

/** A line whose debit less its credit is so much. */
function lineOf(accountId: string, net: bigint): Line {
  const direction = net > 0n ? 'debit' : 'credit';
  return { accountId, direction, minor: net > 0n ? net : -net };
}

function signed({ direction, minor }: Line): bigint {
  return direction === 'debit' ? minor : -minor;
}

/** Debits less credits of each account, of what counts until a day. */
function netsAsOf(books: Books, through: string): Map<string, bigint> {
  const nets = new Map<string, bigint>();
  for (const { date, lines } of books.transactions.values()) {
    if (date > through) continue;
    for (const line of lines) {
      nets.set(line.accountId, (nets.get(line.accountId) ?? 0n) + signed(line));
    }
  }
  return nets;
}

function trialBalance(books: Books, through: string): SealedCurrency[] {
  const nets = netsAsOf(books, through);
  const byCurrency = Map.groupBy([...books.accounts.values()], (account) => account.currency);
  const sealed = [...byCurrency].map(([currency, accounts]): SealedCurrency => {
    const digits = books.currencies.get(currency)!;
    let total = 0n;
    const rows = accounts.flatMap(({ id: accountId }) => {
      const net = nets.get(accountId) ?? 0n;
      if (net === 0n) return [];
      if (net > 0n) total += net;
      const [debit, credit] = net > 0n ? [net, 0n] : [0n, -net];
      return [{ accountId, debit: shown(debit, digits), credit: shown(credit, digits) }];
    });
    rows.sort((a, b) => (a.accountId < b.accountId ? -1 : 1));
    const totals = { totalDebit: shown(total, digits), totalCredit: shown(total, digits) };
    return { currency, rows, ...totals };
  });
  return sealed.sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

/** RFC 8785 of texts, lists and objects: names in order, and nothing between. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, of]) => `${JSON.stringify(name)}:${canonical(of)}`).join(',')}}`;
}

/** The last one only, and its closing transactions with it. */
export function reopenPeriod(books: Books, id: string, answer: Answer): object {
  const close = named(
    new Map([...books.closes].map(([k, c]) => [k, { ...c, clientId: null }])),
    id,
  );
  if (close.reopenedAfter !== null) refuse('period_not_closed');
  if (books.lastClose?.id !== id) refuse('period_not_last');
  const { transactionIds: taken, through, digest } = close;
  const { reopened } = answer as { reopened?: { transactionIds: string[] } };
  books.change(books.closes, id, { reopenedAfter: books.transactions.size + taken.length });
  for (const [i, transactionId] of [...taken].reverse().entries()) {
    const closing = books.transactions.get(transactionId)!;
    const by = reopened?.transactionIds[i] ?? `${i}`;
    const of = { id: by, date: through, source: closing.source, reverses: transactionId };
    post(books, { ...of, isClosing: true, lines: undone(closing) });
  }
  const reversals = { transactionIds: reopened?.transactionIds ?? [] };
  expect(reversals.transactionIds).toHaveLength(reopened ? taken.length : 0);
  return { id, through, digest, transactionIds: taken, ...(reopened && { reopened: reversals }) };
}

/** What was posted on the period's days since it was opened again, but for closings. */
export function lateEntries(books: Books, { from, through, reopenedAfter }: Close): string[] {
  if (reopenedAfter === null) return [];
  const later = [...books.transactions.values()].slice(reopenedAfter);
  return later
    .filter(({ date, source }) => {
      return date > from && date <= through && source?.type !== 'period_close';
    })
    .map(({ id }) => id);
}
