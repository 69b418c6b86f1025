import { findAccount } from '../accounts/account.queries';
import type { AccountRow } from '../accounts/account.table';
import { balanceOf } from '../accounts/account.view';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import type { StateSession } from '../../engine/define/state-session';
import { formatAmount, readAmount } from '../../money/amount';
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
 * together keep each account within its limits, whatever their order. Changes nothing.
 * @throws Refusal `account_not_found`, `validation_failed`, `account_version_mismatch`,
 *   `zero_amount`, `account_closed`, `account_frozen`, `unbalanced_transaction`,
 *   `insufficient_funds`, `balance_limit_exceeded`
 */
export async function checkPostings(
  state: StateSession,
  inputs: readonly PostingInput<string | bigint>[],
): Promise<PostedPosting[]> {
  const postings = await readPostings(state, inputs);
  for (let i = 0; i < inputs.length; i++) checkVersion(postings[i]!.account, inputs[i]!);
  for (const { account, amount } of postings) {
    if (amount === 0n) refuse('zero_amount', account, 'cannot be posted to with a zero amount');
  }
  for (const { account } of postings) {
    if (account.closed_position !== null) refuse('account_closed', account, 'is closed');
  }
  for (const posting of postings) checkFrozen(posting);
  checkBalanced(postings);
  return applied(postings);
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

function checkVersion(
  account: AccountRow,
  { accountVersion }: PostingInput<string | bigint>,
): void {
  if (accountVersion === undefined || accountVersion === account.version) return;
  const { version } = account;
  refuse('account_version_mismatch', account, `has version ${version}, not ${accountVersion}`);
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

interface Totals {
  readonly debits: bigint;
  readonly credits: bigint;
}

/**
 * The postings with the balance of their account after each, in the order given.
 * @throws Refusal where an account is outside its limits after the last one
 */
function applied(postings: readonly Posting[]): PostedPosting[] {
  const totals = new Map<AccountRow, Totals>();
  const posted = postings.map(({ account, direction, amount }) => {
    const { debits, credits } = totals.get(account) ?? account;
    const after =
      direction === 'debit'
        ? { debits: debits + amount, credits }
        : { debits, credits: credits + amount };
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
  for (const [account, after] of totals) checkLimits(account, after);
  return posted;
}

function checkLimits(account: AccountRow, { debits, credits }: Totals): void {
  const { min_balance: min, max_balance: max, digits } = account;
  if (min === null && max === null) return;
  const balance = balanceOf(account.type, debits, credits);
  const shown = (minor: bigint) => formatAmount(minor, digits);
  if (min !== null && balance < min) {
    const reason = `would fall to ${shown(balance)}, below its minimum ${shown(min)}`;
    refuse('insufficient_funds', account, reason);
  }
  if (max !== null && balance > max) {
    const reason = `would rise to ${shown(balance)}, above its maximum ${shown(max)}`;
    refuse('balance_limit_exceeded', account, reason);
  }
}

function refuse(code: string, account: AccountRow, reason: string): never {
  const accountId = account.account_id;
  throw new Refusal(code, `Account ${accountId} ${reason}`, { accountId });
}
