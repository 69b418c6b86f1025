import assert from 'node:assert';
import { defineMaterializer } from '../../engine/define/materializer';
import { keepDigits, needCurrency } from '../currencies/currency.rules';
import { parseAmount } from '../../money/amount';
import { AccountClosed, AccountOpened } from './account.events';
import { accounts } from './account.table';

export const materializeAccountOpened = defineMaterializer(
  AccountOpened,
  2,
  ({ position, recordedAt, data }, { state }) => {
    const { currency, digits } = data;
    keepDigits(state, data, position);
    const limit = (text: string | null) => {
      const minor = text === null ? null : parseAmount(text, digits);
      assert(minor !== undefined, `What should be a limit is none in ${currency}`);
      return minor;
    };
    state.table(accounts).insert({
      account_no: position,
      account_id: data.accountId,
      closed_position: null,
      created_at: recordedAt,
      type: data.type,
      currency,
      digits,
      min_balance: limit(data.minBalance),
      max_balance: limit(data.maxBalance),
      client_id: data.clientId,
      name: data.name,
      metadata: data.metadata,
      debits: 0n,
      credits: 0n,
      version: 1,
      last_position: position,
    });
  },
  ({ data }, needs) => needCurrency(needs, data.currency),
);

export const materializeAccountClosed = defineMaterializer(
  AccountClosed,
  1,
  async ({ position, data }, { state }) => {
    const account = await state.table(accounts).get(data.accountId);
    assert(account, `No account ${data.accountId}`);
    state.table(accounts).update({
      ...account,
      closed_position: position,
      version: account.version + 1,
      last_position: position,
    });
  },
  ({ data }, needs) => needs.row(accounts, 'account_id', data.accountId),
);
