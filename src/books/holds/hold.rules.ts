import assert from 'node:assert';
import { accounts, type AccountRow } from '../accounts/account.table';
import { formatAmount } from '../../money/amount';
import type { CreatorContext } from '../../engine/define/creator';
import { HoldExpired, type HoldPosting } from './hold.events';
import { expiryKey, firstExpiries, readDueOf, readDueSums } from './hold.queries';
import { holds, type HeldPosting, type HoldRow } from './hold.table';

/** Holds that expire before it is asked whether that is enough; then so many times as many. */
const [FIRST_DUE, MORE_DUE, MOST_DUE] = [16, 4, 500];
/** Holds that are in memory together to expire; each may have a thousand postings. */
const TOGETHER = 32;

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
 * The account as it is without its holds whose time is over. Of those so many have expired, the
 * earliest first, as it takes; where all of them are not enough none has: what they hold is summed
 * up before. The command is refused then, which would undo them, and the next one would do it all
 * again; a hundred thousand are summed up in 1.6 s on two busy cores, and take many times that to
 * expire. What is enough stays done, however many it takes.
 */
export async function withoutDue(
  context: CreatorContext,
  account: AccountRow,
  isEnough: (account: AccountRow) => boolean,
): Promise<AccountRow> {
  const { now, state } = context;
  if (!(await isAnyDue(context, account))) return account;
  const { debit, credit } = await state.query((db) => readDueSums(db, account, now));
  const freed = {
    ...account,
    pending_debits: account.pending_debits - debit,
    pending_credits: account.pending_credits - credit,
  };
  if (!isEnough(freed)) return freed;
  let current = account;
  for (let most = FIRST_DUE; !isEnough(current); most = Math.min(MOST_DUE, most * MORE_DUE)) {
    const ids = await state.query((db) => readDueOf(db, account.account_no, now, most));
    const expired = await expire(context, ids);
    assert(expired > 0, `Account ${account.account_id} has no holds that would free so much`);
    current = state.table(accounts).loaded(account.account_id)!;
  }
  return current;
}

/** The account's row says so of most; of others which hold is next is looked up after a change. */
async function isAnyDue({ now, state }: CreatorContext, account: AccountRow): Promise<boolean> {
  const { next_expiry: next } = account;
  if (next === null || next > now) return false;
  const first = await state.table(firstExpiries).get(expiryKey(account));
  if (!first) return true;
  return first.expires_at !== null && first.expires_at <= now;
}

/**
 * Lets those of some holds expire that are held and whose time is over, in the order given.
 * @returns how many
 */
export async function expire(context: CreatorContext, ids: readonly string[]): Promise<number> {
  const rest = [...new Set(ids)];
  let expired = 0;
  while (rest.length > 0) expired += await expireTogether(context, rest.splice(0, TOGETHER));
  return expired;
}

async function expireTogether(context: CreatorContext, ids: readonly string[]): Promise<number> {
  const { now, state } = context;
  const table = state.table(holds);
  await table.load('hold_id', ids);
  const due = ids
    .map((id) => table.loaded(id))
    .filter((hold) => hold !== undefined && hold.status === 'held' && isDue(hold, now));
  await state.table(accounts).load(
    'account_id',
    due.flatMap((hold) => hold!.postings.map(({ accountId }) => accountId)),
  );
  for (const hold of due) {
    const { hold_id: holdId, expires_at: expiresAt, postings } = hold!;
    assert(expiresAt !== null, `Hold ${holdId} never expires`);
    const data = { expiresAt, holdId, postings: leftOf(postings) };
    await context.append(HoldExpired, data, expiresAt);
  }
  return due.length;
}
