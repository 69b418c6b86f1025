import assert from 'node:assert';
import { accounts, type AccountRow } from '../accounts/account.table';
import { formatAmount } from '../../money/amount';
import type { CreatorContext } from '../../engine/define/creator';
import { HoldExpired, type HoldPosting } from './hold.events';
import { readDueOf } from './hold.queries';
import { holdAccounts, holds, linesOf, type HeldPosting, type HoldRow } from './hold.table';

/** Holds of an account that expire in one go before the account is asked again. */
const DUE_PER_QUERY = 500;

/** Minor units of a decimal string that has all of its currency's digits. */
export function minorUnits(text: string): bigint {
  return BigInt(text.replace('.', ''));
}

/** A decimal string with as many digits as another one has. */
export function withDigitsOf(like: string, minor: bigint): string {
  const point = like.indexOf('.');
  return formatAmount(minor, point === -1 ? 0 : like.length - point - 1);
}

/** What is left of a hold, as what frees it says. */
export function leftOf(postings: readonly HeldPosting[]): HoldPosting[] {
  return postings.flatMap(({ captured, amount, ...posting }) => {
    const left = minorUnits(amount) - minorUnits(captured);
    if (left === 0n) return [];
    const { accountId, currency, direction } = posting;
    // Keys in the order of the canonical form: see canonicalJson.
    return [{ accountId, amount: withDigitsOf(amount, left), currency, direction }];
  });
}

/** Whether the time of a hold is over: it holds nothing, and can only expire. */
export function isDue({ expires_at }: Pick<HoldRow, 'expires_at'>, now: string): boolean {
  return expires_at !== null && expires_at <= now;
}

/**
 * Lets holds of an account expire whose time is over, some at a time, in the order of their
 * instants: for a command that needs what they held. A query, and only where one may be due.
 * @returns whether any did, so that the account has changed
 */
export async function expireDue(context: CreatorContext, account: AccountRow): Promise<boolean> {
  const { account_no: accountNo, next_expiry: next } = account;
  if (next === null || next > context.now) return false;
  const { now, state } = context;
  const ids = await state.query((db) => readDueOf(db, accountNo, now, DUE_PER_QUERY));
  await expire(context, ids);
  return ids.length > 0;
}

/** The account after all of its holds have expired whose time is over. */
export async function withoutDue(
  context: CreatorContext,
  account: AccountRow,
): Promise<AccountRow> {
  let current = account;
  while (await expireDue(context, current)) {
    current = context.state.table(accounts).loaded(account.account_id)!;
  }
  return current;
}

/** Lets those of some holds expire that are held and whose time is over. @returns how many */
export async function expire(context: CreatorContext, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const { now, state } = context;
  const table = state.table(holds);
  await table.load('hold_id', ids);
  const due = [...new Set(ids)]
    .map((id) => table.loaded(id))
    .filter((hold) => hold !== undefined && hold.status === 'held' && isDue(hold, now));
  const lines = due.flatMap((hold) => linesOf(hold!));
  await state.table(holdAccounts).load(
    'line_no',
    lines.map(({ lineNo }) => lineNo),
  );
  await state.table(accounts).load(
    'account_id',
    lines.map(({ accountId }) => accountId),
  );
  for (const hold of due) {
    const { hold_id: holdId, expires_at: expiresAt, postings } = hold!;
    assert(expiresAt !== null, `Hold ${holdId} never expires`);
    const data = { expiresAt, holdId, postings: leftOf(postings) };
    await context.append(HoldExpired, data, expiresAt);
  }
  return due.length;
}
