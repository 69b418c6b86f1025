import assert from 'node:assert';
import { accounts, type AccountRow } from '../accounts/account.table';
import type { Direction, PostedPosting } from '../transactions/transaction.events';
import type { CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { loadedReferenced } from '../../engine/define/reference';
import type { LoadedRows, RowNeeds, StateSession } from '../../engine/define/state-session';
import { formatAmount, parseAmount } from '../../money/amount';
import type { LimitsUsed, LimitUse } from './limit.events';
import { limitTargets, limitUses, type LimitTerms, type LimitUsesRow } from './limit.table';
import { groupTargets } from './limit.view';
import { needUsed, usedOf, type Used } from './limit.windows';

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
      if (!isOf(terms, movement)) continue;
      const kept = await context.state.table(limitUses).get(account.account_id);
      const before = useOf(kept, terms);
      uses.push(useOne(movement, terms, await usedOf(context, movement, terms, before)));
    }
    if (uses.length > 0) used.push({ accountId: account.account_id, direction, uses });
  }
  return used.length === 0 ? undefined : used;
}

function isOf(
  { direction, currency }: LimitTerms,
  { account, direction: wanted }: { readonly account: AccountRow; readonly direction: Direction },
): boolean {
  return direction === wanted && currency === account.currency;
}

function useOf(
  kept: LimitUsesRow | undefined,
  { direction, limitId }: LimitTerms,
): LimitUse | undefined {
  return kept?.[direction].find((use) => use.limitId === limitId);
}

/** What holds for an account: its own limits, and those of all groups that it is in. */
async function termsOf(state: StateSession, account: AccountRow): Promise<readonly LimitTerms[]> {
  const { account_group: group, limit_terms: own } = account;
  if (group === null) return own ?? [];
  const terms = [...(own ?? [])];
  for (const target of groupTargets(group)) {
    terms.push(...((await state.table(limitTargets).get(target))?.terms ?? []));
  }
  return terms;
}

/**
 * Names what the limits of accounts ask before something is posted to them, as far as it is known
 * from what was loaded: the accounts, then what holds for their groups, then what is used.
 */
export function needLimits(
  postings: readonly { readonly accountId: string; readonly direction: Direction }[],
  loaded: LoadedRows,
  needs: Pick<RowNeeds, 'row'>,
): void {
  for (const { accountId, direction } of postings) {
    const account = loadedReferenced(loaded, accounts, accountId);
    if (!account || (account.account_group === null && !account.limit_terms?.length)) continue;
    for (const terms of loadedTermsOf(account, loaded, needs)) {
      if (!isOf(terms, { account, direction })) continue;
      if (!needs.row(limitUses, 'account_id', account.account_id)) continue;
      const kept = loaded.row(limitUses, 'account_id', account.account_id);
      needUsed({ account, direction }, terms, useOf(kept, terms), loaded.time, needs);
    }
  }
}

function loadedTermsOf(
  { account_group: group, limit_terms: own }: AccountRow,
  loaded: LoadedRows,
  needs: Pick<RowNeeds, 'row'>,
): readonly LimitTerms[] {
  if (group === null) return own ?? [];
  const terms = [...(own ?? [])];
  for (const target of groupTargets(group)) {
    needs.row(limitTargets, 'target', target);
    terms.push(...(loaded.row(limitTargets, 'target', target)?.terms ?? []));
  }
  return terms;
}

/** Names what is used of the limits of accounts, which {@link keepUses} changes. */
export function needUses(
  of: readonly { readonly accountId: string }[],
  needs: Pick<RowNeeds, 'row'>,
): void {
  for (const { accountId } of of) needs.row(limitUses, 'account_id', accountId);
}

/** @throws Refusal `velocity_limit_exceeded` */
function useOne(
  { account, amount }: Movement,
  { limitId, amount: most, count: mostOften }: LimitTerms,
  { amount: before, count, resetsAt, left = 0, leftThrough }: Used,
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
    ...(left > 0 && { left }),
    ...(leftThrough !== undefined && { leftThrough }),
    limitId,
    resetsAt,
  };
}

/** Keeps what an event says is used, for its materializer, which has named {@link needUses}. */
export function keepUses(state: StateSession, used: readonly LimitsUsed[], position: number): void {
  const table = state.table(limitUses);
  for (const { accountId, direction, uses } of used) {
    const values = { [direction]: uses, last_position: position };
    if (table.loaded(accountId)) table.patch(accountId, values);
    else table.insert({ account_id: accountId, debit: [], credit: [], ...values });
  }
}

/**
 * Has what is used of an account's limits be read from its entries again: in another group other
 * limits count, which may not have seen all of it. For the materializer of that, which has named
 * {@link needUses}.
 */
export function forgetUses(
  state: StateSession,
  { account_id: accountId }: AccountRow,
  position: number,
): void {
  const table = state.table(limitUses);
  if (!table.loaded(accountId)) return;
  table.patch(accountId, { debit: [], credit: [], last_position: position });
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
