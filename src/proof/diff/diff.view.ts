import type { AccountRow } from '../../books/accounts/account.table';
import type { AccountType } from '../../books/accounts/account.events';
import {
  accountView,
  balanceOf,
  formatMoney,
  type AccountView,
} from '../../books/accounts/account.view';
import type { AccountChange, ChangedAccount } from './diff.queries';
import type { EventName } from '../../outside/events/event.queries';

/** An account's totals as of a position. */
export type AccountTotals = Pick<
  AccountView,
  'status' | 'balance' | 'debits' | 'credits' | 'version' | 'position'
>;

/** An event by what it did to one account. */
export interface AccountChangeView {
  position: number;
  eventId: string;
  type: string;
  /** Null where the event posted nothing: it opened or closed the account. */
  transactionId: string | null;
  debits: string;
  credits: string;
}

/** What a range of events made of an account. */
export interface AccountDiff {
  accountId: string;
  clientId: string | null;
  name: string;
  type: AccountType;
  currency: string;
  opened: boolean;
  closed: boolean;
  balanceChange: string;
  /** By how much the version grew: the opening, every posting, and the closing. */
  changes: number;
  before: AccountTotals | null;
  after: AccountTotals;
  events: AccountChangeView[];
  /** Where the list of the account's events goes on; null where all are shown. */
  nextEventsCursor: string | null;
}

/** @param events the first events of the account in the range, and the cursor of the rest */
export function accountDiff(
  { before, after }: ChangedAccount,
  events: Pick<AccountDiff, 'events' | 'nextEventsCursor'>,
): AccountDiff {
  const { type, currency } = after;
  const balance = ({ debits, credits }: AccountRow) => balanceOf(type, debits, credits);
  return {
    accountId: after.account_id,
    clientId: after.client_id,
    name: after.name,
    type,
    currency,
    opened: before === undefined,
    closed: after.closed_position !== null && before?.closed_position !== after.closed_position,
    balanceChange: formatMoney(balance(after) - (before ? balance(before) : 0n), currency),
    changes: after.version - (before?.version ?? 0),
    before: before ? totalsOf(before) : null,
    after: totalsOf(after),
    ...events,
  };
}

function totalsOf(row: AccountRow): AccountTotals {
  const { status, balance, debits, credits, version, position } = accountView(row);
  return { status, balance, debits, credits, version, position };
}

/** @param names of the events in the log, by position */
export function accountChangeView(
  change: AccountChange,
  currency: string,
  names: ReadonlyMap<number, EventName>,
): AccountChangeView {
  const { eventId, type } = names.get(change.position)!;
  return {
    position: change.position,
    eventId,
    type,
    transactionId: change.transaction_id,
    debits: formatMoney(change.debits, currency),
    credits: formatMoney(change.credits, currency),
  };
}
