import assert from 'node:assert';
import type { LedgerEvent } from '../../engine/define/event';
import { defineMaterializer } from '../../engine/define/materializer';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import { keepDigits, needCurrency } from '../currencies/currency.rules';
import { forgetUses, needUses } from '../limits/limit.rules';
import { keepAccountTerms, type FoundAccount } from '../search/account-terms.rules';
import { accountMoves } from '../search/search.table';
import { parseAmount } from '../../money/amount';
import type { CurrencyDigits } from '../../money/currency';
import {
  AccountChanged,
  AccountClosed,
  AccountFrozen,
  AccountOpened,
  AccountReopened,
  AccountUnfrozen,
} from './account.events';
import { accounts, accountVersions, type AccountRow } from './account.table';

export const materializeAccountOpened = defineMaterializer(
  AccountOpened,
  5,
  ({ position, recordedAt, data }, { state }) => {
    const { currency, digits } = data;
    keepDigits(state, data, position);
    const opened: FoundAccount = {
      ...{ account_no: position, name: data.name },
      ...{ client_id: data.clientId, metadata: data.metadata },
    };
    keepAccountTerms(state, opened, position);
    state.table(accounts).insert({
      ...opened,
      account_id: data.accountId,
      account_group: data.group,
      closed_position: null,
      frozen: null,
      changed_position: null,
      changed_version: null,
      created_at: recordedAt,
      type: data.type,
      currency,
      digits,
      min_balance: limitOf(data.minBalance, data),
      max_balance: limitOf(data.maxBalance, data),
      debits: 0n,
      credits: 0n,
      pending_debits: 0n,
      pending_credits: 0n,
      expiring_holds: 0,
      next_expiry: null,
      version: 1,
      last_position: position,
      latest_date: null,
      late_debits: 0n,
      late_credits: 0n,
      marked_version: 0,
      limit_terms: null,
    });
  },
  ({ data }, needs) => needCurrency(needs, data.currency),
);

export const materializeAccountClosed = defineMaterializer(
  AccountClosed,
  2,
  (event, { state }) => {
    change(state, event, (account) => {
      assert(account.closed_position === null, `Account ${account.account_id} is closed`);
      return { closed_position: event.position };
    });
  },
  needAccountOf,
);

export const materializeAccountReopened = defineMaterializer(
  AccountReopened,
  1,
  (event, { state }) => {
    change(state, event, (account) => {
      assert(account.closed_position !== null, `Account ${account.account_id} is not closed`);
      return { closed_position: null };
    });
  },
  needAccountOf,
);

export const materializeAccountFrozen = defineMaterializer(
  AccountFrozen,
  1,
  (event, { state }) => change(state, event, () => ({ frozen: event.data.side })),
  needAccountOf,
);

export const materializeAccountUnfrozen = defineMaterializer(
  AccountUnfrozen,
  1,
  (event, { state }) => {
    change(state, event, (account) => {
      assert(account.frozen !== null, `Account ${account.account_id} is not frozen`);
      return { frozen: null };
    });
  },
  needAccountOf,
);

export const materializeAccountChanged = defineMaterializer(
  AccountChanged,
  3,
  (event, { state }) => {
    const { group, name, metadata, minBalance, maxBalance } = event.data;
    change(state, event, (account) => {
      if (group !== undefined) {
        forgetUses(state, account, event.position);
        const { account_no } = account;
        state.append(accountMoves, { account_no, position: event.position });
      }
      const limit = (text: string | null) => limitOf(text, account);
      return {
        ...(group !== undefined && { account_group: group }),
        ...(name !== undefined && { name }),
        ...(metadata !== undefined && { metadata }),
        ...(minBalance !== undefined && { min_balance: limit(minBalance) }),
        ...(maxBalance !== undefined && { max_balance: limit(maxBalance) }),
      };
    });
  },
  (event, needs) => {
    needAccountOf(event, needs);
    if (event.data.group !== undefined) needUses([event.data], needs);
  },
);

type OfAccount = LedgerEvent<{ accountId: string }>;

function needAccountOf({ data }: OfAccount, needs: Pick<RowNeeds, 'row'>): void {
  needs.row(accounts, 'account_id', data.accountId);
}

/** Changes an account, and keeps what it was until then. */
function change(
  state: StateSession,
  { position, data }: OfAccount,
  changesOf: (account: AccountRow) => Partial<AccountRow>,
): void {
  const account = state.table(accounts).loaded(data.accountId);
  if (!account) assert.fail(`No account ${data.accountId}`);
  const changes = changesOf(account);
  state.append(accountVersions, {
    account_no: account.account_no,
    position,
    account_group: account.account_group,
    closed_position: account.closed_position,
    frozen: account.frozen,
    min_balance: account.min_balance,
    max_balance: account.max_balance,
    name: account.name,
    metadata: account.metadata,
    changed_position: account.changed_position,
    changed_version: account.changed_version,
  });
  keepAccountTerms(state, { ...account, ...changes }, position, account);
  const version = account.version + 1;
  state.table(accounts).patch(data.accountId, {
    ...changes,
    changed_position: position,
    changed_version: version,
    version,
    last_position: position,
  });
}

/** Minor units. */
function limitOf(text: string | null, { currency, digits }: CurrencyDigits): bigint | null {
  if (text === null) return null;
  const minor = parseAmount(text, digits);
  assert(minor !== undefined, `What should be a limit is none in ${currency}`);
  return minor;
}
