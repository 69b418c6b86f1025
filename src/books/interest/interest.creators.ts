import { findAccount, needAccount } from '../accounts/account.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { refuseFuture } from '../transactions/transaction.rules';
import { accrue, adjust, dueAccount, type Adjustment, type DueAccount } from './accruals';
import { dateText, dayNumber, type DayCount } from './day-count';
import { postAccruals, postAdjustments, type AccrualPlan } from './interest.postings';
import { findInterestAccounts, listLiabilities } from './interest.queries';
import { readChanges, readPeriods, type InterestAccountRow } from './interest.queries';
import { interestAccrualsView } from './interest.view';
import type { InterestAccrualsDto } from './interest.dto';

/** `accountIds`, `expenseAccountId`: ids or `client:<clientId>`. */
export interface CalculateInterestOwedInput {
  /** `YYYY-MM-DD`: the last day to accrue. */
  through: string;
  /** Decimal string, `"0.0425"` for 4.25 % a year. */
  annualRate: string;
  dayCount: DayCount;
  /** Default: every open liability account of the expense account's currency. */
  accountIds?: string[] | undefined;
  expenseAccountId: string;
}

/** Accounts that are read and accrued together: ten full transactions. */
const ACCOUNTS_PER_PAGE = 9_990;
/** Accounts with backdated entries whose periods are read together; each may have hundreds. */
const ADJUSTED_PER_QUERY = 100;

/**
 * Credits liability accounts with the simple interest of all days that they have not been accrued
 * for, up to and including `through`, on their balances at the end of each of those days; and
 * corrects what entries that were backdated into accrued days have changed since. All of it happens
 * or nothing. An account begins with the day of its first entry; one without entries until
 * `through` is left out. An account that is named twice is accrued once. Undoing one of the
 * transactions with a reversal gives the money back and accrues nothing again.
 *
 * All other commands of the ledger wait until one like this is done: 1 s for every 10,000 accounts
 * on two cores, 9 s for 100,000 (18 s with all cores busy), and those need 1.3 GiB. Named accounts
 * divide the work into commands that are atomic each, between which others get their turn. One
 * that takes longer than the databases' statement timeout (30 s) is cut off and has not happened;
 * other processes' commands are refused after their lock timeout (5 s). Accounts are read in pages,
 * so that memory grows with the events alone.
 *
 * Refuses `future_effective_date`, `account_not_found`, `account_not_eligible` for an account of
 * another type or currency, `account_closed`, `already_accrued` where a named account, or all of
 * them, have the day `through` already, and what posting refuses.
 */
export const CalculateInterestOwed = defineCreator<CalculateInterestOwedInput, InterestAccrualsDto>(
  {
    name: 'CalculateInterestOwed',
    needs: ({ expenseAccountId }, needs) => needAccount(needs, expenseAccountId),
    run: async (context, input) => {
      const plan = await makePlan(context, input);
      let isAnyAccrued = false;
      let already: InterestAccountRow | undefined;
      for await (const page of chosenAccounts(context, plan, input.accountIds)) {
        const open = page.filter((a) => a.through_date === null || a.through_date < input.through);
        already ??= page.find((a) => !open.includes(a));
        if (already && input.accountIds) throw alreadyAccrued(already);
        if (await accruePage(context, plan, open)) isAnyAccrued = true;
      }
      if (already && !isAnyAccrued) throw alreadyAccrued(already);
    },
    answer: interestAccrualsView,
  },
);

/** @throws Refusal `future_effective_date`, `account_not_found`, `account_not_eligible` */
async function makePlan(
  context: CreatorContext,
  { through, annualRate, dayCount, expenseAccountId }: CalculateInterestOwedInput,
): Promise<AccrualPlan> {
  refuseFuture(context, through, 'through');
  const expense = await findAccount(context.state, expenseAccountId);
  if (!expense) throw notFound(expenseAccountId);
  if (expense.type !== 'expense') {
    throw notEligible(expense, `is of type ${expense.type}, not expense`);
  }
  return {
    expenseAccountId: expense.account_id,
    currency: expense.currency,
    digits: expense.digits,
    terms: { annualRate, dayCount },
    throughDate: through,
    through: dayNumber(through),
  };
}

/** The accounts to accrue, by pages, none twice. @throws Refusal for one that cannot be */
async function* chosenAccounts(
  context: CreatorContext,
  { currency }: AccrualPlan,
  references: readonly string[] | undefined,
): AsyncIterable<InterestAccountRow[]> {
  const { state } = context;
  if (!references) {
    let after = 0;
    for (;;) {
      const page = await state.query((db) =>
        listLiabilities(db, currency, after, ACCOUNTS_PER_PAGE),
      );
      yield page;
      if (page.length < ACCOUNTS_PER_PAGE) return;
      after = page.at(-1)!.account_no;
    }
  }
  const seen = new Set<number>();
  for (let at = 0; at < references.length; at += ACCOUNTS_PER_PAGE) {
    const named = references.slice(at, at + ACCOUNTS_PER_PAGE);
    const found = await state.query((db) => findInterestAccounts(db, named));
    yield found.flatMap((account, i) => {
      if (!account) throw notFound(named[i]!);
      if (seen.has(account.account_no)) return [];
      seen.add(account.account_no);
      checkEligible(account, currency);
      return [account];
    });
  }
}

function checkEligible(account: InterestAccountRow, currency: string): void {
  if (account.type !== 'liability') {
    throw notEligible(account, `is of type ${account.type}, not liability`);
  }
  if (account.currency !== currency) {
    throw notEligible(account, `is in ${account.currency}, not ${currency}`);
  }
  if (account.closed_position === null) return;
  const accountId = account.account_id;
  throw new Refusal('account_closed', `Account ${accountId} is closed`, { accountId });
}

/** Adjusts and accrues accounts that have days to accrue. @returns whether any had */
async function accruePage(
  context: CreatorContext,
  plan: AccrualPlan,
  page: readonly InterestAccountRow[],
): Promise<boolean> {
  const due = await dueAccounts(context, plan, page);
  const adjustments = await adjustmentsOf(context, due);
  await postAdjustments(context, plan, [...adjustments.values()]);
  const accruals = due.map((d) =>
    accrue(d, plan.through, plan.terms, adjustments.get(d.account.account_id)),
  );
  await postAccruals(context, plan, accruals);
  return due.length > 0;
}

async function dueAccounts(
  { state }: CreatorContext,
  { through }: AccrualPlan,
  page: readonly InterestAccountRow[],
): Promise<DueAccount[]> {
  const rows = await state.query((db) => readChanges(db, page));
  const byAccount = Map.groupBy(rows, (row) => row.account_no);
  return page.flatMap((account) => {
    const due = dueAccount(account, byAccount.get(account.account_no) ?? [], through);
    return due ? [due] : [];
  });
}

async function adjustmentsOf(
  { state }: CreatorContext,
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
    const rows = await state.query((db) => readPeriods(db, since));
    const byAccount = Map.groupBy(rows, (row) => row.account_id);
    for (const account of slice) {
      const { account_id: id } = account.account;
      adjustments.set(id, adjust(account, byAccount.get(id) ?? []));
    }
  }
  return adjustments;
}

function alreadyAccrued({ account_id: accountId, through_date }: InterestAccountRow): Refusal {
  const detail = `Account ${accountId} has been accrued through ${through_date}`;
  return new Refusal('already_accrued', detail, { accountId });
}

function notFound(reference: string): Refusal {
  const details = { accountId: reference };
  return new Refusal('account_not_found', `There is no account ${reference}`, details);
}

function notEligible({ account_id: accountId }: { account_id: string }, why: string): Refusal {
  return new Refusal('account_not_eligible', `Account ${accountId} ${why}`, { accountId });
}
