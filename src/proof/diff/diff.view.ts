import type { ShownAccountRow } from '../../books/accounts/account.table';
import { accountView, balanceOf } from '../../books/accounts/account.view';
import { formatAmount } from '../../money/amount';
import type { AccountChange, ChangedAccount } from './diff.queries';
import type { EventName } from '../../outside/events/event.queries';
import type { AccountChangeDto, AccountDiffDto, AccountTotalsDto } from './diff.dto';

/** @param events the first events of the account in the range, and the cursor of the rest */
export function accountDiff(
  { before, after }: ChangedAccount,
  events: Pick<AccountDiffDto, 'events' | 'nextEventsCursor'>,
): AccountDiffDto {
  const { type, currency, digits } = after;
  const balance = ({ debits, credits }: ShownAccountRow) => balanceOf(type, debits, credits);
  return {
    accountId: after.account_id,
    clientId: after.client_id,
    name: after.name,
    type,
    currency,
    opened: before === undefined,
    closed: after.closed_position !== null && before?.closed_position !== after.closed_position,
    balanceChange: formatAmount(balance(after) - (before ? balance(before) : 0n), digits),
    changes: after.version - (before?.version ?? 0),
    before: before ? totalsOf(before) : null,
    after: totalsOf(after),
    ...events,
  };
}

function totalsOf(row: ShownAccountRow): AccountTotalsDto {
  const { status, balance, debits, credits, version, position } = accountView(row);
  return { status, balance, debits, credits, version, position };
}

/** @param names of the events in the log, by position */
export function accountChangeView(
  change: AccountChange,
  digits: number,
  names: ReadonlyMap<number, EventName>,
): AccountChangeDto {
  const { eventId, type } = names.get(change.position)!;
  return {
    position: change.position,
    eventId,
    type,
    transactionId: change.transaction_id,
    debits: formatAmount(change.debits, digits),
    credits: formatAmount(change.credits, digits),
  };
}
