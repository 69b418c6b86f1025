import assert from 'node:assert';
import { accounts, holdEntries, type AccountRow } from '../accounts/account.table';
import type { LedgerEvent } from '../../engine/define/event';
import { defineMaterializer } from '../../engine/define/materializer';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import { keepUses, needUses } from '../limits/limit.rules';
import { keepTokens, needTokens } from '../search/search.rules';
import { metadataTokens } from '../search/terms.rules';
import { formatAmount, parseAmount } from '../../money/amount';
import type { Direction } from '../transactions/transaction.events';
import { HoldCaptured, HoldExpired, HoldPlaced, HoldVoided, type HoldPosting } from './hold.events';
import { minorUnits, withDigitsOf } from './hold.rules';
import { ALL_ACCOUNTS, endedHolds, holds, openHolds } from './hold.table';
import type { HeldPosting, HoldRow, HoldStatus } from './hold.table';
import { placedHold } from './hold.view';

export const materializeHoldPlaced = defineMaterializer(
  HoldPlaced,
  3,
  (event, { state }) => {
    const placed = placedHold(event);
    const { hold_no: holdNo, expires_at } = placed;
    const sums = new Map<string, Sums>();
    const postings = placed.postings.map((posting) => {
      const { digits } = accountOf(state, posting.accountId);
      const amount = formatAmount(add(state, sums, posting), digits);
      return { ...posting, amount, captured: formatAmount(0n, digits) };
    });
    const account_nos = [...sums.keys()].map((id) => accountOf(state, id).account_no);
    state.table(holds).insert({ ...placed, postings, account_nos });
    if (event.data.limits !== undefined) keepUses(state, event.data.limits, holdNo);
    for (const account_no of listsOf(account_nos)) {
      state.put(openHolds, { account_no, hold_no: holdNo, expires_at });
    }
    for (const [accountId, added] of sums) {
      reserve(state, accountId, holdNo, added, (account) => withExpiry(account, expires_at));
    }
    return keepTokens(state, holdNo, metadataTokens('holdMetadata', placed.metadata));
  },
  ({ data }, needs) => {
    needTokens(needs);
    needAccounts(data.postings, needs);
    if (data.limits !== undefined) needUses(data.limits, needs);
  },
);

export const materializeHoldCaptured = defineMaterializer(
  HoldCaptured,
  2,
  ({ position, data }, { state }) => {
    const { holdId, final, postings, released, transactionId } = data;
    const hold = heldOf(state, holdId);
    const captured = sumsOf(state, postings);
    const rest = take(hold.postings, captured);
    const transaction_ids = [...hold.transaction_ids, transactionId];
    const after = { ...hold, postings: rest, transaction_ids };
    if (final) {
      // Most often all of it is captured.
      const freed = released.length === 0 ? captured : sumsOf(state, [...postings, ...released]);
      const nothing = released.length === 0 ? rest : take(rest, sumsOf(state, released));
      return close(state, after, position, 'captured', nothing, freed);
    }
    assert(released.length === 0, `Hold ${holdId} frees what it goes on to hold`);
    assert(rest.some(isLeft), `Hold ${holdId} goes on to hold nothing`);
    free(state, after, position, captured);
    write(state, after, position);
  },
  ({ data }, needs) => {
    needs.row(holds, 'hold_id', data.holdId);
    needAccounts(data.postings, needs);
    needAccounts(data.released, needs);
  },
);

export const materializeHoldVoided = defineMaterializer(
  HoldVoided,
  2,
  ({ position, data }, { state }) => {
    end(state, heldOf(state, data.holdId), position, 'voided', data.postings);
  },
  needFreed,
);

export const materializeHoldExpired = defineMaterializer(
  HoldExpired,
  2,
  ({ position, data }, { state }) => {
    const hold = heldOf(state, data.holdId);
    assert(hold.expires_at === data.expiresAt, `Hold ${data.holdId} expires at another instant`);
    end(state, hold, position, 'expired', data.postings);
  },
  needFreed,
);

function needFreed(
  { data }: LedgerEvent<{ holdId: string; postings: HoldPosting[] }>,
  needs: Pick<RowNeeds, 'row'>,
): void {
  needs.row(holds, 'hold_id', data.holdId);
  needAccounts(data.postings, needs);
}

function needAccounts(postings: readonly HoldPosting[], needs: Pick<RowNeeds, 'row'>): void {
  for (const { accountId } of postings) needs.row(accounts, 'account_id', accountId);
}

function accountOf(state: StateSession, accountId: string): AccountRow {
  const account = state.table(accounts).loaded(accountId);
  if (!account) assert.fail(`No account ${accountId}`);
  return account;
}

function heldOf(state: StateSession, holdId: string): HoldRow {
  const hold = state.table(holds).loaded(holdId);
  if (hold?.status !== 'held') assert.fail(`Hold ${holdId} is ${hold?.status ?? 'not there'}`);
  return hold;
}

/** Minor units. */
function amountOf(state: StateSession, { accountId, amount, currency }: HoldPosting): bigint {
  const account = accountOf(state, accountId);
  assert(account.currency === currency, 'A hold is not in the currency of its account');
  const minor = parseAmount(amount, account.digits);
  assert(minor !== undefined && minor > 0n, `What should be an amount is none in ${currency}`);
  return minor;
}

type Sums = Record<Direction, bigint>;

/** What postings come to on both sides of each account; minor units. */
function sumsOf(state: StateSession, postings: readonly HoldPosting[]): Map<string, Sums> {
  const byAccount = new Map<string, Sums>();
  for (const posting of postings) add(state, byAccount, posting);
  return byAccount;
}

/** Adds a posting to sums. @returns its amount in minor units */
function add(state: StateSession, byAccount: Map<string, Sums>, posting: HoldPosting): bigint {
  const { accountId, direction } = posting;
  const amount = amountOf(state, posting);
  let sums = byAccount.get(accountId);
  if (!sums) byAccount.set(accountId, (sums = { debit: 0n, credit: 0n }));
  sums[direction] += amount;
  return amount;
}

function isLeft({ amount, captured }: HeldPosting): boolean {
  return amount !== captured;
}

/**
 * The postings of a hold after some of them were captured: of two on one side of an account the
 * first is captured first.
 */
function take(held: readonly HeldPosting[], sums: ReadonlyMap<string, Sums>): HeldPosting[] {
  const wanted = new Map([...sums].map(([accountId, both]) => [accountId, { ...both }]));
  const after = held.map((posting) => {
    const sums = wanted.get(posting.accountId);
    const { amount, captured, direction } = posting;
    if (!sums || sums[direction] === 0n) return posting;
    const before = minorUnits(captured);
    const left = minorUnits(amount) - before;
    const taken = sums[direction] < left ? sums[direction] : left;
    sums[direction] -= taken;
    return { ...posting, captured: withDigitsOf(amount, before + taken) };
  });
  for (const { debit, credit } of wanted.values()) {
    assert(debit === 0n && credit === 0n, 'More is captured than is held');
  }
  return after;
}

/** Ends a hold, which frees all that is left of it. */
function end(
  state: StateSession,
  hold: HoldRow,
  position: number,
  status: HoldStatus,
  postings: readonly HoldPosting[],
): void {
  const freed = sumsOf(state, postings);
  close(state, hold, position, status, take(hold.postings, freed), freed);
}

/**
 * Closes a hold.
 * @param nothing what is left of it
 * @param freed what it reserved until now, on both sides of each account
 */
function close(
  state: StateSession,
  hold: HoldRow,
  position: number,
  status: HoldStatus,
  nothing: readonly HeldPosting[],
  freed: ReadonlyMap<string, Sums>,
): void {
  assert(!nothing.some(isLeft), `Hold ${hold.hold_id} ends and does not free all that is left`);
  free(state, { ...hold, postings: [] }, position, freed);
  const { hold_no } = hold;
  for (const account_no of listsOf(hold.account_nos)) {
    state.drop(openHolds, { account_no, hold_no });
    state.append(endedHolds, { account_no, status, hold_no, position });
  }
  write(state, { ...hold, status }, position);
}

function write(state: StateSession, hold: HoldRow, position: number): void {
  const { hold_id, status, postings, transaction_ids, version } = hold;
  const changed = { status, postings, transaction_ids, version: version + 1 };
  state.table(holds).patch(hold_id, { ...changed, last_position: position });
}

/** The lists that a hold stands in. */
function listsOf(accountNos: readonly number[]): number[] {
  return [ALL_ACCOUNTS, ...accountNos];
}

/** Takes sums off what is reserved of their accounts. @param hold as it is afterwards */
function free(
  state: StateSession,
  { postings: held, expires_at }: HoldRow,
  position: number,
  sums: ReadonlyMap<string, Sums>,
): void {
  const holding = new Set(held.filter(isLeft).map(({ accountId }) => accountId));
  for (const [accountId, { debit, credit }] of sums) {
    const ends = expires_at !== null && !holding.has(accountId);
    const expiryOf = (account: AccountRow) => (ends ? withoutExpiry(account) : account);
    reserve(state, accountId, position, { debit: -debit, credit: -credit }, expiryOf);
  }
}

type Expiry = Pick<AccountRow, 'expiring_holds' | 'next_expiry'>;

function withExpiry(account: AccountRow, expiresAt: string | null): Expiry {
  const { expiring_holds: expiring, next_expiry: next } = account;
  if (expiresAt === null) return account;
  const next_expiry = next === null || expiresAt < next ? expiresAt : next;
  return { expiring_holds: expiring + 1, next_expiry };
}

/** Which hold expires next is not known then: not before the one that would have. */
function withoutExpiry({ expiring_holds: expiring, next_expiry: next }: AccountRow): Expiry {
  return { expiring_holds: expiring - 1, next_expiry: expiring === 1 ? null : next };
}

/** Adds to what is reserved of an account. */
function reserve(
  state: StateSession,
  accountId: string,
  position: number,
  { debit, credit }: Sums,
  expiryOf: (account: AccountRow) => Expiry,
): void {
  const account = accountOf(state, accountId);
  const { expiring_holds, next_expiry } = expiryOf(account);
  const totals = {
    pending_debits: account.pending_debits + debit,
    pending_credits: account.pending_credits + credit,
    ...{ expiring_holds, next_expiry },
    version: account.version + 1,
    last_position: position,
  };
  state.table(accounts).patch(accountId, totals);
  state.append(holdEntries, {
    account_no: account.account_no,
    position,
    account_version: totals.version,
    pending_debits_after: totals.pending_debits,
    pending_credits_after: totals.pending_credits,
    expiring_after: expiring_holds,
    next_expiry_after: next_expiry,
  });
}
