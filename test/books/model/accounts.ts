import {
  againstClientId,
  find,
  named,
  refuse,
  Refused,
  type Account,
  type Books,
  type Line,
} from './books';
import { leftOf } from './holds';
import { minorOf, shown } from './money';

export interface AccountBody {
  readonly clientId?: string;
  readonly type: string;
  readonly currency: string;
  readonly group?: string | null;
  readonly minBalance?: string | null;
  readonly maxBalance?: string | null;
}

export function open(books: Books, body: AccountBody, id: string): object {
  const { clientId = null, type, currency, group = null } = body;
  const reasons = againstClientId(books.accounts, clientId);
  if (reasons.length > 0) throw new Refused(reasons);
  const digits = books.currencies.get(currency)!;
  const zero = { debits: 0n, credits: 0n, isClosed: false, frozen: null, version: 1 };
  const none = { min: null, max: null };
  const of = { id, clientId, type, currency, digits, group };
  const account = { ...of, ...none, ...zero, ...limitsOf(body, digits) };
  books.accounts.set(id, account);
  return viewOf(books, account);
}

export function define(books: Books, { code, digits }: { code: string; digits: number }): object {
  if (books.currencies.has(code)) refuse('currency_exists');
  books.currencies.set(code, digits);
  return { code, digits, source: 'own', active: true };
}

export function change(books: Books, reference: string, body: Partial<AccountBody>): object {
  return changed(books, reference, (account) => {
    const limits = limitsOf(body, account.digits);
    const { min, max } = { ...account, ...limits };
    if (min !== null && max !== null && min > max) refuse('validation_failed');
    const { least, most } = reach(books, account, true);
    const isMet = (min === null || least >= min) && (max === null || most <= max);
    const isChanged = min !== account.min || max !== account.max;
    if (isChanged && !isMet) refuse('limit_not_met');
    return { ...limits, ...(body.group !== undefined && { group: body.group }) };
  });
}

export function close(books: Books, reference: string): object {
  return changed(books, reference, (account) => {
    if (account.isClosed) refuse('account_already_closed');
    const isHeld = [...books.holds.values()].some(
      (hold) => isOpenAt(hold, books) && leftOf(hold).some((l) => l.accountId === account.id),
    );
    if (isHeld || account.debits !== account.credits) refuse('account_not_empty');
    return { isClosed: true };
  });
}

export function reopen(books: Books, reference: string): object {
  return changed(books, reference, ({ isClosed }) => {
    return isClosed ? { isClosed: false } : refuse('account_not_closed');
  });
}

export function freeze(books: Books, reference: string, { side }: { side: string }): object {
  return changed(books, reference, () => ({ frozen: side }));
}

export function unfreeze(books: Books, reference: string): object {
  return changed(books, reference, ({ frozen }) => {
    return frozen === null ? refuse('account_not_frozen') : { frozen: null };
  });
}

/** What is so already makes no version. */
function changed(
  books: Books,
  reference: string,
  to: (account: Account) => Partial<Account>,
): object {
  const account = named(books.accounts, reference);
  const changes = to(account);
  const fields = Object.entries(changes) as [keyof Account, unknown][];
  const version = account.version + (fields.some(([k, v]) => account[k] !== v) ? 1 : 0);
  return viewOf(books, books.change(books.accounts, account.id, { ...changes, version }));
}

function limitsOf(
  { minBalance: min, maxBalance: max }: Partial<AccountBody>,
  digits: number,
): Partial<Pick<Account, 'min' | 'max'>> {
  const limit = (text: string | null) => (text === null ? null : minorOf(text, digits));
  return {
    ...(min !== undefined && { min: limit(min) }),
    ...(max !== undefined && { max: limit(max) }),
  };
}

export function isDebitNormal({ type }: Pick<Account, 'type'>): boolean {
  return ['asset', 'expense'].includes(type);
}

export function balance(account: Account): bigint {
  const { debits, credits } = account;
  return isDebitNormal(account) ? debits - credits : credits - debits;
}

/** From its instant on a hold holds nothing, whoever has recorded that it expired. */
export function isOpenAt(
  { status, expiresAt }: { status: string; expiresAt: string | null },
  { now }: Pick<Books, 'now'>,
): boolean {
  return status === 'held' && (expiresAt === null || expiresAt > now);
}

function pendingOf(books: Books, account: Account, isNow: boolean): Record<string, bigint> {
  const pending = { debit: 0n, credit: 0n };
  for (const hold of books.holds.values()) {
    if (isNow ? !isOpenAt(hold, books) : hold.status !== 'held') continue;
    for (const { accountId, direction, minor } of leftOf(hold)) {
      if (accountId === account.id) pending[direction] += minor;
    }
  }
  return pending;
}

/**
 * What the balance may become by open holds, at least and at most.
 * @param isNow by those whose time is not over; else by those of which no event says that they
 *   ended, as views have it
 */
export function reach(
  books: Books,
  account: Account,
  isNow: boolean,
): { least: bigint; most: bigint } {
  const { debit = 0n, credit = 0n } = pendingOf(books, account, isNow);
  const [up, down] = isDebitNormal(account) ? [debit, credit] : [credit, debit];
  return { least: balance(account) - down, most: balance(account) + up };
}

/**
 * Why accounts cannot be as lines have left them.
 * @param withHolds what closes a period ignores them
 */
export function brokenLimits(books: Books, lines: readonly Line[], withHolds = true): string[] {
  return lines.flatMap(({ accountId }) => {
    const account = books.account(accountId);
    const { min, max } = account;
    if (min === null && max === null) return [];
    const posted = { least: balance(account), most: balance(account) };
    const { least, most } = withHolds ? reach(books, account, true) : posted;
    return [
      ...(min !== null && least < min ? ['insufficient_funds'] : []),
      ...(max !== null && most > max ? ['balance_limit_exceeded'] : []),
    ];
  });
}

/** The account as the API shows it, apart from times. */
export function viewOf(books: Books, account: Account): object {
  const money = (minor: bigint) => shown(minor, account.digits);
  const { id, clientId, type, currency, group, version, frozen, min, max } = account;
  const { debit = 0n, credit = 0n } = pendingOf(books, account, false);
  return {
    ...{ id, clientId, type, currency, group, version, frozen },
    normalSide: isDebitNormal(account) ? 'debit' : 'credit',
    status: account.isClosed ? 'closed' : 'open',
    balance: money(balance(account)),
    debits: money(account.debits),
    credits: money(account.credits),
    pendingDebits: money(debit),
    pendingCredits: money(credit),
    available: money(reach(books, account, false).least),
    minBalance: min === null ? null : money(min),
    maxBalance: max === null ? null : money(max),
  };
}

/** Another version of every account of lines, once. */
export function touch(books: Books, lines: readonly Line[]): void {
  for (const id of new Set(lines.map((line) => line.accountId))) {
    const { version } = find(books.accounts, id)!;
    books.change(books.accounts, id, { version: version + 1 });
  }
}
