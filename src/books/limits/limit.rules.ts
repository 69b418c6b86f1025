import assert from 'node:assert';
import { accounts, type AccountRow } from '../accounts/account.table';
import type { PostedPosting } from '../transactions/transaction.events';
import type { CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import type { StateSession } from '../../engine/define/state-session';
import { formatAmount, parseAmount } from '../../money/amount';
import type { LimitsUsed, LimitUse } from './limit.events';
import { limitTargets, limitUses, type LimitTerms } from './limit.table';
import { groupTarget } from './limit.view';
import { usedOf, type Used } from './limit.windows';

/** What a command moves through an account in a direction, all of its postings together. */
export interface Movement {
  readonly account: AccountRow;
  readonly direction: 'debit' | 'credit';
  /** Minor units. */
  amount: bigint;
}

/**
 * What a command moves through accounts that may have limits, for {@link useLimits}; undefined, as
 * nearly always, where none has. Asks rows in memory alone, which the postings' check has read.
 */
export function limitedMovements(
  state: StateSession,
  postings: readonly Pick<PostedPosting, 'accountId' | 'direction' | 'amount'>[],
): Movement[] | undefined {
  let movements: Movement[] | undefined;
  for (const { accountId, direction, amount: text } of postings) {
    const account = state.table(accounts).get(accountId);
    assert(account && !(account instanceof Promise), `Account ${accountId} was not read`);
    if (account.account_group === null && !account.limit_terms?.length) continue;
    movements ??= [];
    const amount = parseAmount(text, account.digits)!;
    const same = movements.find((m) => m.account === account && m.direction === direction);
    if (same) same.amount += amount;
    else movements.push({ account, direction, amount });
  }
  return movements;
}

/**
 * Counts what a command moves against the limits of its accounts.
 * @returns what is used after it, for the command's event; undefined where no limit is concerned
 * @throws Refusal `velocity_limit_exceeded`
 */
export async function useLimits(
  context: CreatorContext,
  movements: readonly Movement[],
): Promise<LimitsUsed[] | undefined> {
  const used: LimitsUsed[] = [];
  for (const movement of movements) {
    const { account, direction } = movement;
    const uses: LimitUse[] = [];
    for (const terms of await termsOf(context.state, account)) {
      if (terms.direction !== direction || terms.currency !== account.currency) continue;
      const before = account.limit_uses?.[direction].find((u) => u.limitId === terms.limitId);
      uses.push(useOne(movement, terms, await usedOf(context, movement, terms, before)));
    }
    if (uses.length > 0) used.push({ accountId: account.account_id, direction, uses });
  }
  return used.length === 0 ? undefined : used;
}

/** What holds for an account: its own limits, and those of all groups that it is in. */
async function termsOf(state: StateSession, account: AccountRow): Promise<readonly LimitTerms[]> {
  const { account_group: group, limit_terms: own } = account;
  if (group === null) return own ?? [];
  const terms = [...(own ?? [])];
  for (let end = group.indexOf(':'); ; end = group.indexOf(':', end + 1)) {
    const target = groupTarget(end === -1 ? group : group.slice(0, end));
    terms.push(...((await state.table(limitTargets).get(target))?.terms ?? []));
    if (end === -1) return terms;
  }
}

/** @throws Refusal `velocity_limit_exceeded` */
function useOne(
  { account, amount }: Movement,
  { limitId, amount: most, count: mostOften }: LimitTerms,
  { amount: before, count, resetsAt, leftThrough }: Used,
): LimitUse {
  const { account_id: accountId, currency, digits } = account;
  const shown = formatAmount(before, digits);
  const refuse = (limit: string, used: string) => {
    const text = `Account ${accountId} would pass limit ${limitId}: of ${limit} are used ${used}`;
    const details = { accountId, limitId, used, resetsAt };
    throw new Refusal('velocity_limit_exceeded', `${text} until ${resetsAt}`, details);
  };
  if (most !== null && before + amount > parseAmount(most, digits)!) {
    refuse(`${most} ${currency}`, shown);
  }
  if (mostOften !== null && count >= mostOften) refuse(`${mostOften} transactions`, `${count}`);
  // Keys in the order of the canonical form: see canonicalJson.
  return {
    amount: formatAmount(before + amount, digits),
    count: count + 1,
    ...(leftThrough !== undefined && { leftThrough }),
    limitId,
    resetsAt,
  };
}

/** Keeps what an event says is used; its accounts have to be loaded. For its materializer. */
export function keepUses(state: StateSession, used: readonly LimitsUsed[], position: number): void {
  const table = state.table(accounts);
  for (const { accountId, direction, uses } of used) {
    const before = table.loaded(accountId)?.limit_uses;
    const limit_uses = { debit: [], credit: [], ...before, [direction]: uses };
    table.patch(accountId, { limit_uses });
  }
  for (const accountId of new Set(used.map((one) => one.accountId))) {
    const { account_no, limit_uses } = table.loaded(accountId)!;
    state.append(limitUses, { account_no, position, uses: limit_uses! });
  }
}

/**
 * Has what is used of an account's limits be read from its entries again: in another group other
 * limits count, which may not have seen all of it. For the materializer of that.
 */
export function forgetUses(state: StateSession, account: AccountRow, position: number): void {
  if (account.limit_uses === null) return;
  const uses = { debit: [], credit: [] };
  state.append(limitUses, { account_no: account.account_no, position, uses });
  state.table(accounts).patch(account.account_id, { limit_uses: uses });
}

/**
 * Puts other terms in force for an account or a group, named among the needs; an account has them
 * in its own row too.
 */
export function keepTerms(
  state: StateSession,
  target: string,
  accountId: string | null,
  position: number,
  change: (terms: readonly LimitTerms[]) => readonly LimitTerms[],
): void {
  const table = state.table(limitTargets);
  const before = table.loaded(target);
  const terms = change(before?.terms ?? []);
  const values = { terms, last_position: position };
  if (before) table.patch(target, values);
  else table.insert({ target, ...values });
  if (accountId === null) return;
  state.table(accounts).patch(accountId, { limit_terms: terms });
}
