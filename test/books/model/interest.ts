import { balance, brokenLimits, isDebitNormal } from './accounts';
import { find, refuse, Refused, type Accrual, type Account, type Books, type Line } from './books';
import { ModelAccount, type Expected, type ModelTerms } from '../interest/interest-model';
import { addDays } from './days';
import { shown } from './money';
import { postSourced, type PostedFact } from './sourced';
import { against, againstDay, post, undone, type Answer } from './transactions';

export interface AccrualBody extends ModelTerms {
  readonly accountIds?: readonly string[];
  readonly group?: string;
  readonly expenseAccountId?: string;
  readonly incomeAccountId?: string;
  readonly onRefusal?: 'refuse' | 'skip';
}

const SOURCE = 'interest_accrual';

/** By type of account: whose account takes the other side, and what an increase is. */
interface Side {
  readonly type: string;
  readonly other: string;
  readonly currency: string;
}

/** One account's share of an accrual: what it is owed, or the codes for which it is left out. */
interface Share {
  readonly account: Account;
  readonly owed: Expected;
}

export function accrue(
  books: Books,
  body: AccrualBody,
  answer: Answer,
  facts: readonly PostedFact[] | undefined,
): object {
  const reasons = againstDay(books, body.through);
  if (reasons.length > 0) throw new Refused(reasons);
  const sides = [
    ...sideOf(books, 'liability', body.expenseAccountId),
    ...sideOf(books, 'asset', body.incomeAccountId),
  ];
  const shares: Share[] = [];
  const skipped: { accountId: string; codes: string[] }[] = [];
  for (const reference of chosen(books, body)) {
    const share = shareOf(books, reference, body, sides);
    if (Array.isArray(share)) {
      skipped.push({ accountId: reference, codes: share });
    } else if (share) shares.push(share);
  }
  if (body.onRefusal !== 'skip' && skipped.length > 0) {
    refuse(...skipped.flatMap(({ codes }) => codes));
  }
  const id = String(answer['id']);
  const before = books.copy();
  const transactionIds = postShares(books, { id, sides, shares }, body.through, answer, facts);
  const byAccount = new Map(shares.map(({ account, owed }) => [account.id, owed]));
  const { through, annualRate, dayCount, compounding } = body;
  const terms = { through, annualRate, dayCount, compounding };
  books.accruals.set(id, { id, terms, byAccount, transactionIds, isReversed: false });
  const given = (answer['skipped'] ?? []) as { accountId: string; code: string }[];
  expect(given.map((one) => one.accountId).sort()).toEqual(skipped.map((s) => s.accountId).sort());
  for (const { accountId, code } of given) {
    expect(skipped.find((one) => one.accountId === accountId)!.codes).toContain(code);
  }
  return { ...terms, ...amountsOf(before, shares, through, answer) };
}

function sideOf(books: Books, type: string, reference: string | undefined): Side[] {
  if (reference === undefined) return [];
  const { id: other, currency } = books.account(reference);
  return [{ type, other, currency }];
}

/** Each account once, however often it is named. */
function chosen(books: Books, { accountIds = [], group }: AccrualBody): readonly string[] {
  const idOf = (reference: string) => find(books.accounts, reference)?.id ?? reference;
  if (group === undefined) return [...new Set(accountIds.map(idOf))];
  const isIn = ({ group: own, isClosed }: Account) =>
    !isClosed && (own === group || (own ?? '').startsWith(`${group}:`));
  return [...books.accounts.values()].filter(isIn).map(({ id }) => id);
}

/** Undefined where it has no entry yet. */
function shareOf(
  books: Books,
  reference: string,
  terms: ModelTerms,
  sides: readonly Side[],
): Share | string[] | undefined {
  const account = find(books.accounts, reference);
  if (!account) return ['account_not_found'];
  const side = sides.find(({ type }) => type === account.type);
  const codes = [
    ...(side?.currency !== account.currency ? ['account_not_eligible'] : []),
    ...(account.isClosed ? ['account_closed'] : []),
  ];
  const model = modelOf(books, account);
  if ((model.accruedThrough ?? '') >= terms.through) codes.push('already_accrued');
  if (codes.length > 0) return codes;
  const owed = model.owed(terms);
  if (!owed) return undefined;
  const attempt = books.copy();
  for (const minor of [owed.adjustment, owed.amount]) {
    if (minor === 0n) continue;
    const [line] = linesOf(account, side!.other, minor) as [Line];
    const reasons = against(attempt, [line]).filter(({ code }) => /closed|frozen/.test(code));
    if (reasons.length > 0) return reasons.map(({ code }) => code);
    apply(attempt, line);
    const broken = brokenLimits(attempt, [line]);
    if (broken.length > 0) return broken;
  }
  return { account, owed };
}

function apply(books: Books, { accountId, direction, minor }: Line): void {
  const { debits, credits } = books.account(accountId);
  const sums = direction === 'debit' ? { debits: debits + minor } : { credits: credits + minor };
  books.change(books.accounts, accountId, sums);
}

/** Raises an account's balance, or lowers it, against another. */
function linesOf(account: Account, other: string, minor: bigint): Line[] {
  const isDebit = isDebitNormal(account) === minor > 0n;
  const size = minor > 0n ? minor : -minor;
  const [own, others] = isDebit ? (['debit', 'credit'] as const) : (['credit', 'debit'] as const);
  return [
    { accountId: account.id, direction: own, minor: size },
    { accountId: other, direction: others, minor: size },
  ];
}

/** What is made good first, then what is new, for each type of account. */
function postShares(
  books: Books,
  { id, sides, shares }: { id: string; sides: readonly Side[]; shares: readonly Share[] },
  date: string,
  answer: Answer,
  facts: readonly PostedFact[] | undefined,
): string[] {
  const ids = (answer['transactionIds'] ?? []) as string[];
  let posted = 0;
  for (const { type, other } of sides) {
    for (const part of ['adjustment', 'amount'] as const) {
      const own = shares.filter(({ account, owed }) => account.type === type && owed[part] !== 0n);
      const lines = own.flatMap(({ account, owed }) => linesOf(account, other, owed[part]));
      if (lines.length === 0) continue;
      const source = { type: SOURCE, id };
      postSourced(books, { id: ids[posted] ?? `${posted}`, date, source }, lines, facts);
      posted++;
    }
  }
  expect(ids).toHaveLength(facts ? posted : ids.length);
  return ids;
}

/** What the answer says of each account, in the order in which it says it. */
function amountsOf(
  books: Books,
  shares: readonly Share[],
  through: string,
  answer: Answer,
): object {
  const given = (key: string) => (answer[key] ?? []) as { accountId: string }[];
  const shareIn = (accountId: string) => shares.find(({ account }) => account.id === accountId);
  const adjusted = shares.filter(({ owed }) => owed.adjustment !== 0n).map((s) => s.account.id);
  const idsOf = (key: string) => given(key).map(({ accountId }) => accountId);
  expect(idsOf('accruals').sort()).toEqual(shares.map(({ account }) => account.id).sort());
  expect(idsOf('adjustments')).toEqual(expect.arrayContaining(adjusted));
  return {
    accruals: given('accruals').map(({ accountId }) => {
      const { account, owed } = shareIn(accountId)!;
      const { digits } = account;
      const last = modelOf(books, account).accruedThrough;
      const amount = shown(owed.amount, digits);
      const from = last === undefined ? firstDayOf(books, account) : addDays(last, 1);
      return { accountId, from, through, principal: shown(owed.principal, digits), amount };
    }),
    adjustments: given('adjustments').map(({ accountId }) => {
      const { account, owed } = shareIn(accountId)!;
      return { accountId, amount: shown(owed.adjustment, account.digits) };
    }),
  };
}

export function reverseAccrual(books: Books, id: string, answer: Answer): object {
  const accrual = books.accruals.get(id) ?? refuse('not_found');
  if (accrual.isReversed) refuse('already_reversed');
  const reasons = againstDay(books, accrual.terms.through);
  if (!isLatest(books, accrual)) reasons.push({ code: 'accrual_not_latest' });
  if (reasons.length > 0) throw new Refused(reasons);
  const { reversal } = answer as { reversal?: { transactionIds: string[] } };
  for (const [i, transactionId] of [...accrual.transactionIds].reverse().entries()) {
    const posted = books.transactions.get(transactionId)!;
    const by = reversal?.transactionIds[i] ?? `${i}`;
    const of = { id: by, date: posted.date, source: posted.source, reverses: transactionId };
    post(books, { ...of, lines: undone(posted) });
  }
  expect(reversal?.transactionIds.length ?? 0).toBe(reversal ? accrual.transactionIds.length : 0);
  books.change(books.accruals, id, { isReversed: true });
  return { id };
}

/** Whether none of its accounts was accrued again since. */
function isLatest(books: Books, { id, byAccount }: Accrual): boolean {
  const all = [...books.accruals.values()];
  const later = all.slice(all.findIndex((one) => one.id === id) + 1);
  return !later.some(
    (one) => !one.isReversed && [...one.byAccount.keys()].some((key) => byAccount.has(key)),
  );
}

/** Money that moved other than by interest, by day. */
function* cashOf(books: Books, account: Account): Iterable<{ date: string; minor: bigint }> {
  for (const { date, lines, source } of books.transactions.values()) {
    if (source?.type === SOURCE) continue;
    for (const { accountId, direction, minor } of lines) {
      if (accountId !== account.id) continue;
      yield { date, minor: (direction === 'debit') === isDebitNormal(account) ? minor : -minor };
    }
  }
}

function firstDayOf(books: Books, account: Account): string | undefined {
  return [...cashOf(books, account)].map(({ date }) => date).sort()[0];
}

/** The account's interest, from all that is known of it now. */
function modelOf(books: Books, account: Account): ModelAccount {
  const model = new ModelAccount();
  for (const { date, minor } of cashOf(books, account)) model.post(date, minor);
  for (const { id, terms, byAccount, isReversed } of books.accruals.values()) {
    const owed = byAccount.get(account.id);
    if (owed && !isReversed) model.accrue(id, terms, owed);
  }
  return model;
}

/** Whether what was posted and accrued is what the balance says. */
export function isWhole(books: Books, account: Account): boolean {
  return modelOf(books, account).balance === balance(account);
}
