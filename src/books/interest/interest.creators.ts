import { findAccount, needAccount } from '../accounts/account.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { needPosting, refuseDay } from '../transactions/transaction.rules';
import { accrue, adjust, dueAccount, type Adjustment, type DueAccount } from './accruals';
import { dateText, dayNumber, type DayCount } from './day-count';
import type { Compounding } from './exact-interest';
import type { InterestPeriodRow } from './interest.table';
import { InterestCalculated, InterestSkipped } from './interest.events';
import { loadAccounts, postOwed, refusalOf } from './interest.postings';
import type { AccrualPlan, Owed, Side } from './interest.postings';
import { findInterestAccounts, readChanges, readGroupAccounts } from './interest.queries';
import { readPeriods } from './interest.queries';
import type { InterestAccountRow } from './interest.queries';
import { calculatedView } from './interest.view';
import type { InterestAccrualDto } from './interest.dto';

/** `accountIds` and the other accounts: ids or `client:<clientId>`. */
export interface CalculateInterestOwedInput {
  /** `YYYY-MM-DD`: the last day to accrue. */
  through: string;
  /** Decimal string, `"0.0425"` for 4.25 % a year. */
  annualRate: string;
  dayCount: DayCount;
  accountIds?: string[] | undefined;
  /** Instead of accountIds: the open accounts of this group and of all below it. */
  group?: string | undefined;
  /** Pays the interest of liability accounts. */
  expenseAccountId?: string | undefined;
  /** Earns the interest of asset accounts. */
  incomeAccountId?: string | undefined;
  /** Default: none. */
  compounding?: Compounding | undefined;
  /** Whether an account that cannot be accrued ends all of it; default: refuse. */
  onRefusal?: 'refuse' | 'skip' | undefined;
}

/** Accounts that are read and accrued together: ten full transactions. */
const ACCOUNTS_PER_PAGE = 9_990;
/** Accounts with backdated entries whose periods are read together; each may have hundreds. */
const ADJUSTED_PER_QUERY = 100;

/**
 * Credits liability accounts, and debits asset accounts (loans), with the interest of all days that
 * they have not been accrued for, up to and including `through`, on their principals at the end of
 * each of those days; and corrects what entries that were backdated into accrued days have changed
 * since. All of it happens or nothing, but for accounts that are left out on purpose. An account
 * begins with the day of its first entry; one without entries until `through` has no interest. An
 * account that is named twice is accrued once.
 *
 * All other commands of the ledger wait until one like this is done: 1 s for every 10,000 accounts
 * on two cores, 9 s for 100,000 (18 s with all cores busy), and those need 1.3 GiB; where they are
 * more than the process has room for, it is refused (`COMMAND_BYTES_LIMIT`). Named accounts
 * divide the work into commands that are atomic each, between which others get their turn. One
 * that takes longer than the databases' statement timeout (30 s) is cut off and has not happened;
 * other processes' commands are refused after their lock timeout (5 s). Accounts are read in pages,
 * so that memory grows with the events alone.
 *
 * Refuses `validation_failed` where there is neither an expense nor an income account, or not one
 * choice of accounts,
 * `future_effective_date`, `period_closed`, `account_not_found` and `account_not_eligible` for
 * those two. An account
 * is refused, or left out, as `account_not_found`, `account_not_eligible` for another type or
 * currency, `account_closed`, `already_accrued`, and with what posting refuses for its sake.
 */
export const CalculateInterestOwed = defineCreator<CalculateInterestOwedInput, InterestAccrualDto>({
  name: 'CalculateInterestOwed',
  needs: ({ expenseAccountId, incomeAccountId }, needs) => {
    needPosting(needs);
    if (expenseAccountId !== undefined) needAccount(needs, expenseAccountId);
    if (incomeAccountId !== undefined) needAccount(needs, incomeAccountId);
  },
  run: async (context, input) => {
    const run = await beginRun(context, input);
    for await (const page of chosenAccounts(context, run, input)) {
      await accruePage(context, run, page);
    }
  },
  answer: calculatedView,
});

/** An accrual that is being made. */
interface Run extends AccrualPlan {
  /** By the type of account; those of other types cannot be accrued. */
  readonly sides: Readonly<Record<string, Side | undefined>>;
  readonly isSkipping: boolean;
}

/** @throws Refusal for what is wrong with all of it */
async function beginRun(context: CreatorContext, input: CalculateInterestOwedInput): Promise<Run> {
  const { through, annualRate, dayCount, compounding = 'none' } = input;
  const { expenseAccountId, incomeAccountId } = input;
  if (expenseAccountId === undefined && incomeAccountId === undefined) {
    throw invalid('/expenseAccountId', 'is missing, and so is incomeAccountId');
  }
  if (input.accountIds === undefined && input.group === undefined) {
    throw invalid('/accountIds', 'is missing, and so is group');
  }
  if (input.accountIds !== undefined && input.group !== undefined) {
    throw invalid('/group', 'is there, and so is accountIds');
  }
  await refuseDay(context, through, 'through');
  const sides = {
    liability: await sideOf(context, expenseAccountId, 'expense'),
    asset: await sideOf(context, incomeAccountId, 'income'),
  };
  const accrualId = context.newId();
  await context.append(InterestCalculated, {
    ...{ accrualId, annualRate, compounding, dayCount },
    expenseAccountId: sides.liability?.otherAccountId ?? null,
    incomeAccountId: sides.asset?.otherAccountId ?? null,
    through,
  });
  return {
    ...{ accrualId, sides, throughDate: through, through: dayNumber(through) },
    terms: { annualRate, dayCount, compounding },
    isSkipping: input.onRefusal === 'skip',
  };
}

/** @throws Refusal `account_not_found`, `account_not_eligible` */
async function sideOf(
  { state }: CreatorContext,
  reference: string | undefined,
  type: 'expense' | 'income',
): Promise<Side | undefined> {
  if (reference === undefined) return undefined;
  const account = await findAccount(state, reference);
  if (!account) throw notFound(reference);
  if (account.type !== type) throw notEligible(account, `is of type ${account.type}, not ${type}`);
  return {
    otherAccountId: account.account_id,
    currency: account.currency,
    digits: account.digits,
    increase: type === 'expense' ? 'credit' : 'debit',
  };
}

function invalid(pointer: string, message: string): Refusal {
  const errors = [{ pointer, message }];
  return new Refusal('validation_failed', 'The request is not valid', { errors });
}

/** The accounts to accrue, by pages, none twice. @throws Refusal for one that cannot be */
async function* chosenAccounts(
  context: CreatorContext,
  run: Run,
  choice: Pick<CalculateInterestOwedInput, 'accountIds' | 'group'>,
): AsyncIterable<InterestAccountRow[]> {
  const seen = new Set<number>();
  for await (const { named, found } of pagesOf(context, choice)) {
    const chosen: InterestAccountRow[] = [];
    for (const [i, account] of found.entries()) {
      if (account && seen.has(account.account_no)) continue;
      if (account) seen.add(account.account_no);
      const refusal = account ? whyNot(account, run) : notFound(named[i]!);
      if (refusal) await leaveOut(context, run, refusal);
      else chosen.push(account!);
    }
    yield chosen;
  }
}

/** References with the accounts that they name, or the accounts of a group. */
async function* pagesOf(
  { state }: CreatorContext,
  { accountIds = [], group }: Pick<CalculateInterestOwedInput, 'accountIds' | 'group'>,
): AsyncIterable<{ named: readonly string[]; found: (InterestAccountRow | undefined)[] }> {
  for (let at = 0; at < accountIds.length; at += ACCOUNTS_PER_PAGE) {
    const named = accountIds.slice(at, at + ACCOUNTS_PER_PAGE);
    yield { named, found: await state.query((db) => findInterestAccounts(db, named)) };
  }
  if (group === undefined) return;
  let after = 0;
  for (;;) {
    const page = { group, after, limit: ACCOUNTS_PER_PAGE };
    const found = await state.query((db) => readGroupAccounts(db, page));
    yield { named: found.map((account) => account.account_id), found };
    if (found.length < ACCOUNTS_PER_PAGE) return;
    after = found.at(-1)!.account_no;
  }
}

/** Why an account cannot be accrued, whatever it is owed. */
function whyNot(account: InterestAccountRow, { sides, throughDate }: Run): Refusal | undefined {
  const { account_id: accountId, type, currency, closed_position, through_date } = account;
  const side = sides[type];
  if (!side) {
    const types = Object.keys(sides).filter((key) => sides[key]);
    return notEligible(account, `is of type ${type}, not ${types.join(' or ')}`);
  }
  if (currency !== side.currency) {
    return notEligible(account, `is in ${currency}, not ${side.currency}`);
  }
  if (closed_position !== null) {
    return new Refusal('account_closed', `Account ${accountId} is closed`, { accountId });
  }
  if (through_date === null || through_date < throughDate) return undefined;
  const detail = `Account ${accountId} has been accrued through ${through_date}`;
  return new Refusal('already_accrued', detail, { accountId });
}

/** @throws Refusal, unless accounts are left out */
async function leaveOut(context: CreatorContext, run: Run, refusal: Refusal): Promise<void> {
  if (!run.isSkipping) throw refusal;
  const { code, detail, details } = refusal;
  const skipped = { accountId: details.accountId!, accrualId: run.accrualId, code, detail };
  await context.append(InterestSkipped, skipped);
}

/** Adjusts and accrues accounts that have days to accrue. */
async function accruePage(
  context: CreatorContext,
  run: Run,
  page: readonly InterestAccountRow[],
): Promise<void> {
  const due = await dueAccounts(context, run, page);
  const adjustments = await adjustmentsOf(context, run, due);
  for (const [type, side] of Object.entries(run.sides)) {
    if (!side) continue;
    const owed = due
      .filter(({ account }) => account.type === type)
      .map((account): Owed => {
        const adjustment = adjustments.get(account.account.account_id);
        return { adjustment, accrual: accrue(account, run.through, run.terms, adjustment) };
      });
    await loadAccounts(context, owed);
    await postOwed(context, run, side, await postable(context, run, side, owed));
  }
}

/** What can be posted, each account for itself, where the others are left out; else all of it. */
async function postable(
  context: CreatorContext,
  run: Run,
  side: Side,
  owed: readonly Owed[],
): Promise<readonly Owed[]> {
  if (!run.isSkipping) return owed;
  const possible: Owed[] = [];
  for (const one of owed) {
    const refusal = await refusalOf(context, side, one);
    if (refusal) await leaveOut(context, run, refusal);
    else possible.push(one);
  }
  return possible;
}

async function dueAccounts(
  { state }: CreatorContext,
  { through }: AccrualPlan,
  accounts: readonly InterestAccountRow[],
): Promise<DueAccount[]> {
  const rows = await state.query((db) => readChanges(db, accounts));
  const byAccount = Map.groupBy(rows, (row) => row.account_no);
  return accounts.flatMap((account) => {
    const due = dueAccount(account, byAccount.get(account.account_no) ?? [], through);
    return due ? [due] : [];
  });
}

async function adjustmentsOf(
  context: CreatorContext,
  plan: AccrualPlan,
  due: readonly DueAccount[],
): Promise<Map<string, Adjustment>> {
  const backdated = due.filter((d) => d.backdated.length > 0);
  const adjustments = new Map<string, Adjustment>();
  for (let at = 0; at < backdated.length; at += ADJUSTED_PER_QUERY) {
    const slice = backdated.slice(at, at + ADJUSTED_PER_QUERY);
    const since = slice.map(({ account, backdated: [first] }) => ({
      accountId: account.account_id,
      date: dateText(first!.day),
    }));
    const rows = await context.state.query((db) => readPeriods(db, since));
    const byAccount = Map.groupBy(rows, (row) => row.account_id);
    const periodsOf = ({ account }: DueAccount) => byAccount.get(account.account_id) ?? [];
    for (const one of await withHistory(context, plan, slice, periodsOf)) {
      adjustments.set(one.account.account_id, adjust(one, periodsOf(one)));
    }
  }
  return adjustments;
}

/** Reads everything of accounts whose periods an older version accrued: those do not say enough. */
async function withHistory(
  context: CreatorContext,
  plan: AccrualPlan,
  due: readonly DueAccount[],
  periodsOf: (account: DueAccount) => readonly InterestPeriodRow[],
): Promise<readonly DueAccount[]> {
  const isLacking = (one: DueAccount) =>
    !one.history && periodsOf(one).some((period) => period.opening_balance === null);
  const lacking = due.filter(isLacking);
  if (lacking.length === 0) return due;
  const asUnknown = lacking.map(({ account }) => ({ ...account, interest: null }));
  const read = await dueAccounts(context, plan, asUnknown);
  return [...due.filter((one) => !isLacking(one)), ...read];
}

export function notFound(reference: string): Refusal {
  const details = { accountId: reference };
  return new Refusal('account_not_found', `There is no account ${reference}`, details);
}

function notEligible({ account_id: accountId }: { account_id: string }, why: string): Refusal {
  return new Refusal('account_not_eligible', `Account ${accountId} ${why}`, { accountId });
}
