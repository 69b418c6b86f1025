import { againstClientId, besides, find, named, refuse, Refused } from './books';
import type { Account, Books, Limit, Line, Movement, Reason } from './books';
import { addDays, addMonths, DAY_MS, mondayOf, startOf } from './days';
import { minorOf, shown, type Direction } from './money';

/** What may go through an account, or each of a group, in one direction and window. */
export interface Terms {
  readonly accountId: string | null;
  readonly group: string | null;
  readonly direction: Direction;
  readonly currency: string;
  /** Minor units. */
  readonly amount: bigint | null;
  readonly count: number | null;
  readonly per: string;
}

export interface LimitBody {
  readonly clientId?: string;
  readonly accountId?: string;
  readonly group?: string;
  readonly direction: Direction;
  readonly currency: string;
  readonly amount?: string;
  readonly count?: number;
  readonly per: string;
}

export function create(books: Books, body: LimitBody, id: string): object {
  const { clientId = null, accountId: reference, group = null, direction, currency, per } = body;
  const { amount: text, count = null } = body;
  const reasons = againstClientId(books.limits, clientId);
  const account =
    reference === undefined ? null : besides(reasons, () => accountIn(books, reference, currency));
  if (reasons.length > 0) throw new Refused(reasons);
  const accountId = account?.id ?? null;
  const amount = text === undefined ? null : minorOf(text, books.currencies.get(currency)!);
  const terms = { accountId, group, direction, currency, amount, count, per };
  const limit = { id, clientId, ...terms, isRemoved: false, version: 1 };
  books.limits.set(id, limit);
  return limitView(books, limit);
}

function accountIn(books: Books, reference: string, currency: string): Account {
  const account = find(books.accounts, reference) ?? refuse('account_not_found');
  return account.currency === currency ? account : refuse('currency_mismatch');
}

export function changeLimit(
  books: Books,
  reference: string,
  { amount: text, count }: Pick<LimitBody, 'amount' | 'count'>,
): object {
  const limit = inForce(books, reference);
  const digits = books.currencies.get(limit.currency)!;
  const changes = {
    ...(text !== undefined && { amount: minorOf(text, digits) }),
    ...(count !== undefined && { count }),
  };
  const fields = Object.entries(changes) as [keyof Limit, unknown][];
  const version = limit.version + (fields.some(([k, v]) => limit[k] !== v) ? 1 : 0);
  return limitView(books, books.change(books.limits, limit.id, { ...changes, version }));
}

export function removeLimit(books: Books, reference: string): object {
  const { id, version } = inForce(books, reference);
  const changes = { isRemoved: true, version: version + 1 };
  return limitView(books, books.change(books.limits, id, changes));
}

function inForce(books: Books, reference: string): Limit {
  const limit = named(books.limits, reference);
  return limit.isRemoved ? refuse('limit_removed') : limit;
}

export function limitView(books: Books, { isRemoved, ...limit }: Limit): object {
  const { amount, currency } = limit;
  const digits = books.currencies.get(currency)!;
  return {
    ...limit,
    amount: amount === null ? null : shown(amount, digits),
    ...(!isRemoved && { removedAt: null }),
  };
}

/** Where a limit's window begins at a time, whether that instant is in it, and where it ends. */
function windowOf(
  { per }: Terms,
  { now, today }: Books,
): { isIn: (at: string) => boolean; end?: string } {
  if (per === 'rolling-24h') {
    return { isIn: (at) => Date.parse(at) > Date.parse(now) - DAY_MS };
  }
  const firstOfMonth = `${today.slice(0, 8)}01`;
  const [first, next] = {
    day: [today, addDays(today, 1)],
    week: [mondayOf(today), addDays(mondayOf(today), 7)],
    month: [firstOfMonth, addMonths(firstOfMonth, 1)],
  }[per] as [string, string];
  return { isIn: (at) => at >= startOf(first), end: startOf(next) };
}

function holdsFor(
  { accountId, group, direction, currency, isRemoved }: Limit,
  account: Account,
  side: Direction,
): boolean {
  if (isRemoved || direction !== side || currency !== account.currency) return false;
  if (accountId !== null) return accountId === account.id;
  return account.group === group || (account.group ?? '').startsWith(`${group}:`);
}

/** Lines of one account and side are one movement. */
function together(lines: readonly Line[]): Line[] {
  const sums = new Map<string, Line>();
  for (const line of lines) {
    const key = `${line.accountId} ${line.direction}`;
    sums.set(key, { ...line, minor: (sums.get(key)?.minor ?? 0n) + line.minor });
  }
  return [...sums.values()];
}

/** What lines would pass, were they to move now. */
export function exceeded(books: Books, lines: readonly Line[]): Reason[] {
  return together(lines).flatMap((line) => {
    const account = books.account(line.accountId);
    const limits = [...books.limits.values()].filter((l) => holdsFor(l, account, line.direction));
    return limits.flatMap((limit) => exceededBy(books, limit, account, line));
  });
}

function exceededBy(books: Books, limit: Limit, account: Account, line: Line): Reason[] {
  const { amount, count, resetsAt } = usedOf(books, limit, line);
  const of = {
    code: 'velocity_limit_exceeded',
    limitId: limit.id,
    accountId: account.id,
    resetsAt,
  };
  const isOver = limit.amount !== null && amount + line.minor > limit.amount;
  const isOften = limit.count !== null && count + 1 > limit.count;
  return [
    ...(isOver ? [{ ...of, used: shown(amount, account.digits) }] : []),
    ...(isOften ? [{ ...of, used: String(count) }] : []),
  ];
}

interface Used {
  readonly amount: bigint;
  readonly count: number;
  readonly resetsAt: string;
}

/** All of an account's movements count, also those before the limit was made, or held for it. */
function usedOf(books: Books, limit: Limit, { accountId, direction }: Line): Used {
  const { isIn, end } = windowOf(limit, books);
  const inWindow = books.movements.filter(
    (m) => m.accountId === accountId && m.direction === direction && isIn(m.at),
  );
  const amount = inWindow.reduce((sum, m) => sum + m.minor, 0n);
  const oldest = inWindow[0]?.at ?? books.now;
  const resetsAt = end ?? new Date(Date.parse(oldest) + DAY_MS).toISOString();
  return { amount, count: inWindow.length, resetsAt };
}

/** What is used of each limit of lines' accounts, as the event of a posting says it. */
export function usesOf(books: Books, lines: readonly Line[]): object[] {
  return together(lines).flatMap((line) => {
    const { accountId, direction } = line;
    const account = books.account(accountId);
    const limits = [...books.limits.values()].filter((l) => holdsFor(l, account, direction));
    return limits.map((limit) => {
      const { amount, ...used } = usedOf(books, limit, line);
      const of = { accountId, direction, limitId: limit.id };
      return { ...of, amount: shown(amount, account.digits), ...used };
    });
  });
}

/** Counts what is posted or held now. */
export function moved(books: Books, lines: readonly Line[]): void {
  const now = together(lines).map((line): Movement => ({ ...line, at: books.now }));
  books.movements = [...books.movements, ...now];
}
