import { findAccount } from '../accounts/account.queries';
import { accounts, type AccountRow } from '../accounts/account.table';
import { balanceOf, reachOf, type Totals } from '../accounts/account.view';
import type { CreatorContext } from '../../engine/define/creator';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import type { StateSession } from '../../engine/define/state-session';
import { formatAmount, readAmount } from '../../money/amount';
import type { HoldPosting } from '../holds/hold.events';
import { withoutDue } from '../holds/hold.rules';
import type { Direction, PostedPosting } from './transaction.events';

/**
 * `accountId`: an id or `client:<clientId>`; `amount`: a decimal string, or minor units where the
 * program posts what it computed or found in the books.
 */
export interface PostingInput<Amount extends string | bigint = string> {
  accountId: string;
  direction: Direction;
  amount: Amount;
  /** The version that the account must have before the transaction. */
  accountVersion?: number | undefined;
}

interface Posting {
  readonly account: AccountRow;
  readonly direction: Direction;
  /** Minor units. */
  readonly amount: bigint;
}

/**
 * Applies the rules of the books to postings, in this order: every account exists, every amount
 * fits its currency, every account has the version that was asked for, no amount is zero, every
 * account is open, no side of one is frozen, debits equal credits per currency, and all postings
 * together keep each account within its limits, whatever their order. Posts nothing; holds whose
 * time is over expire where an account needs what they held.
 * @throws Refusal `account_not_found`, `validation_failed`, `account_version_mismatch`,
 *   `zero_amount`, `account_closed`, `account_frozen`, `unbalanced_transaction`,
 *   `insufficient_funds`, `balance_limit_exceeded`
 */
export async function checkPostings(
  context: CreatorContext,
  inputs: readonly PostingInput<string | bigint>[],
): Promise<PostedPosting[]> {
  let postings = await admitted(context.state, inputs);
  for (;;) {
    const { posted, totals } = applied(postings);
    const broken = brokenLimit(totals);
    if (!broken) return posted;
    postings = await afterExpiry(context, postings, broken.account, (of) => applied(of).totals);
  }
}

/**
 * The same of postings that are only reserved. Debits and credits of one account do not cancel
 * each other: either may be captured without the other.
 * @throws Refusal as {@link checkPostings}
 */
export async function checkHeld(
  context: CreatorContext,
  inputs: readonly PostingInput[],
): Promise<HoldPosting[]> {
  let postings = await admitted(context.state, inputs);
  for (;;) {
    const broken = brokenLimit(reserved(postings));
    if (!broken) return postings.map(heldPosting);
    postings = await afterExpiry(context, postings, broken.account, reserved);
  }
}

/**
 * The same of postings for a day to come: whether their accounts are open then, and what they may
 * hold, is not asked yet.
 * @throws Refusal `account_not_found`, `validation_failed`, `zero_amount`, `unbalanced_transaction`
 */
export async function checkScheduled(
  state: StateSession,
  inputs: readonly Omit<PostingInput, 'accountVersion'>[],
): Promise<HoldPosting[]> {
  const postings = await readPostings(state, inputs);
  refuseZero(postings);
  checkBalanced(postings);
  return postings.map(heldPosting);
}

/**
 * The same of what closes a period, or takes that back: the ledger posts it of itself, to accounts
 * that are closed or frozen too. Limits are asked for the whole close: see {@link refuseOutside}.
 * @throws Refusal `account_not_found`, `zero_amount`, `unbalanced_transaction`
 */
export async function checkClosing(
  state: StateSession,
  inputs: readonly PostingInput<string | bigint>[],
): Promise<PostedPosting[]> {
  const postings = await readPostings(state, inputs);
  refuseZero(postings);
  checkBalanced(postings);
  return applied(postings).posted;
}

/**
 * Refuses where accounts, which have to be loaded, have a balance outside of their limits. What
 * holds reserve is not counted.
 * @throws Refusal `insufficient_funds`, `balance_limit_exceeded`
 */
export function refuseOutside(state: StateSession, accountIds: Iterable<string>): void {
  const table = state.table(accounts);
  for (const accountId of accountIds) {
    const account = table.loaded(accountId)!;
    const refusal = refusalOf(account, { ...account, pending_debits: 0n, pending_credits: 0n });
    if (refusal) throw refusal;
  }
}

/** The postings with their accounts, where nothing but a limit can be against them. */
async function admitted(
  state: StateSession,
  inputs: readonly PostingInput<string | bigint>[],
): Promise<Posting[]> {
  const postings = await readPostings(state, inputs);
  for (let i = 0; i < inputs.length; i++) checkVersion(postings[i]!.account, inputs[i]!);
  refuseZero(postings);
  for (const { account } of postings) {
    if (account.closed_position !== null) refuse('account_closed', account, 'is closed');
  }
  for (const posting of postings) checkFrozen(posting);
  checkBalanced(postings);
  return postings;
}

/**
 * The postings with their accounts after so many holds of one have expired as it takes.
 * @throws Refusal where all whose time is over would not be enough
 */
async function afterExpiry(
  context: CreatorContext,
  postings: readonly Posting[],
  account: AccountRow,
  totalsOf: (postings: readonly Posting[]) => AccountTotals,
): Promise<Posting[]> {
  const own = postings.filter((posting) => posting.account === account);
  const refusalWith = (row: AccountRow) =>
    brokenLimit(totalsOf(own.map((posting) => ({ ...posting, account: row }))))?.refusal;
  const after = await withoutDue(context, account, (row) => !refusalWith(row));
  const refusal = refusalWith(after);
  if (refusal) throw refusal;
  const table = context.state.table(accounts);
  return postings.map((posting) => {
    return { ...posting, account: table.loaded(posting.account.account_id)! };
  });
}

async function readPostings(
  state: StateSession,
  inputs: readonly PostingInput<string | bigint>[],
): Promise<Posting[]> {
  const postings: Posting[] = [];
  const errors: FieldError[] = [];
  for (let i = 0; i < inputs.length; i++) {
    const { accountId, direction, amount: given } = inputs[i]!;
    const found = findAccount(state, accountId);
    const account = found instanceof Promise ? await found : found;
    if (!account) {
      throw new Refusal('account_not_found', `There is no account ${accountId}`, { accountId });
    }
    const amount = typeof given === 'string' ? readAmount(given, account) : given;
    if (typeof amount === 'bigint') postings.push({ account, direction, amount });
    else errors.push({ pointer: `/postings/${i}/amount`, message: amount });
  }
  if (errors.length > 0) {
    throw new Refusal('validation_failed', 'The request is not valid', { errors });
  }
  return postings;
}

/** @throws Refusal `account_version_mismatch` */
export function checkVersion(
  account: AccountRow,
  { accountVersion }: Pick<PostingInput, 'accountVersion'>,
): void {
  if (accountVersion === undefined || accountVersion === account.version) return;
  const { version } = account;
  refuse('account_version_mismatch', account, `has version ${version}, not ${accountVersion}`);
}

function refuseZero(postings: readonly Posting[]): void {
  for (const { account, amount } of postings) {
    if (amount === 0n) refuse('zero_amount', account, 'cannot be posted to with a zero amount');
  }
}

function checkFrozen({ account, direction }: Posting): void {
  const { frozen } = account;
  if (frozen === null) return;
  if (frozen === 'all') refuse('account_frozen', account, 'is frozen');
  if (frozen === `${direction}s`) refuse('account_frozen', account, `is frozen for ${frozen}`);
}

function checkBalanced(postings: readonly Posting[]): void {
  const sums = new Map<string, bigint>();
  for (const { account, direction, amount } of postings) {
    const sum = sums.get(account.currency) ?? 0n;
    sums.set(account.currency, direction === 'debit' ? sum + amount : sum - amount);
  }
  for (const [currency, sum] of sums) {
    if (sum === 0n) continue;
    const side = sum > 0n ? 'Debits exceed credits' : 'Credits exceed debits';
    // Of one currency all accounts have the same digits.
    const { account } = postings.find((p) => p.account.currency === currency)!;
    const { account_id: accountId, digits } = account;
    const difference = formatAmount(sum > 0n ? sum : -sum, digits);
    throw new Refusal('unbalanced_transaction', `${side} by ${difference} ${currency}`, {
      accountId,
    });
  }
}

/** What each account comes to, in the order in which they are named first. */
type AccountTotals = ReadonlyMap<AccountRow, Totals>;

/** The postings with the balance of their account after each, in the order given. */
function applied(postings: readonly Posting[]): {
  readonly posted: PostedPosting[];
  readonly totals: AccountTotals;
} {
  const totals = new Map<AccountRow, Totals>();
  const posted = postings.map(({ account, direction, amount }) => {
    const { debits, credits } = totals.get(account) ?? account;
    const { pending_debits, pending_credits } = account;
    const after =
      direction === 'debit'
        ? { debits: debits + amount, credits, pending_debits, pending_credits }
        : { debits, credits: credits + amount, pending_debits, pending_credits };
    totals.set(account, after);
    const { digits } = account;
    // Keys in the order of the canonical form: see canonicalJson.
    return {
      accountId: account.account_id,
      amount: formatAmount(amount, digits),
      balanceAfter: formatAmount(balanceOf(account.type, after.debits, after.credits), digits),
      currency: account.currency,
      direction,
    };
  });
  return { posted, totals };
}

function reserved(postings: readonly Posting[]): AccountTotals {
  const totals = new Map<AccountRow, Totals>();
  for (const { account, direction, amount } of postings) {
    const { debits, credits, pending_debits, pending_credits } = totals.get(account) ?? account;
    totals.set(
      account,
      direction === 'debit'
        ? { debits, credits, pending_debits: pending_debits + amount, pending_credits }
        : { debits, credits, pending_debits, pending_credits: pending_credits + amount },
    );
  }
  return totals;
}

function heldPosting({ account, direction, amount }: Posting): HoldPosting {
  return {
    accountId: account.account_id,
    amount: formatAmount(amount, account.digits),
    currency: account.currency,
    direction,
  };
}

/** An account that postings would bring outside its limits. */
interface BrokenLimit {
  readonly account: AccountRow;
  readonly refusal: Refusal;
}

function brokenLimit(totals: AccountTotals): BrokenLimit | undefined {
  for (const [account, after] of totals) {
    const refusal = refusalOf(account, after);
    if (refusal) return { account, refusal };
  }
  return undefined;
}

function refusalOf(account: AccountRow, after: Totals): Refusal | undefined {
  const { min_balance: min, max_balance: max, digits } = account;
  if (min === null && max === null) return undefined;
  const { available, most } = reachOf(account.type, after);
  const accountId = account.account_id;
  const shown = (minor: bigint) => formatAmount(minor, digits);
  if (min !== null && available < min) {
    const reason = `would fall to ${shown(available)}, below its minimum ${shown(min)}`;
    return new Refusal('insufficient_funds', `Account ${accountId} ${reason}`, { accountId });
  }
  if (max !== null && most > max) {
    const reason = `would rise to ${shown(most)}, above its maximum ${shown(max)}`;
    return new Refusal('balance_limit_exceeded', `Account ${accountId} ${reason}`, { accountId });
  }
  return undefined;
}

function refuse(code: string, account: AccountRow, reason: string): never {
  const accountId = account.account_id;
  throw new Refusal(code, `Account ${accountId} ${reason}`, { accountId });
}
