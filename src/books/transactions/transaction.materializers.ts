import assert from 'node:assert';
import { accounts, entries, type AccountRow } from '../accounts/account.table';
import { followDates } from '../accounts/dated-entries.rules';
import { keepUses, needUses } from '../limits/limit.rules';
import { keepTokens, needTokens } from '../search/search.rules';
import { transactionTokens } from '../search/terms.rules';
import { defineMaterializer } from '../../engine/define/materializer';
import { parseAmount } from '../../money/amount';
import { needClosedDays, noteLate } from './closed-days.rules';
import { TransactionPosted } from './transaction.events';
import { transactions, type PostedAmount } from './transaction.table';

export const materializeTransactionPosted = defineMaterializer(
  TransactionPosted,
  5,
  ({ position, recordedAt, actor, data }, { state }) => {
    const accountTable = state.table(accounts);
    const posted: AccountRow[] = [];
    const accountNos: number[] = [];
    const postings: PostedAmount[] = [];
    const date = data.effectiveDate;
    for (let ordinal = 0; ordinal < data.postings.length; ordinal++) {
      const { accountId, direction, amount: text, currency } = data.postings[ordinal]!;
      const account = accountTable.loaded(accountId);
      if (!account) assert.fail(`No account ${accountId}`);
      assert(account.currency === currency, 'A posting is not in the currency of its account');
      const amount = parseAmount(text, account.digits);
      if (amount === undefined) assert.fail(`What should be an amount is none in ${currency}`);
      const isDebit = direction === 'debit';
      const debits = isDebit ? account.debits + amount : account.debits;
      const credits = isDebit ? account.credits : account.credits + amount;
      const version = account.version + 1;
      accountTable.patch(accountId, { debits, credits, version, last_position: position });
      // Of the same day as the entry before it, as most are, it changes nothing more.
      if (date !== account.latest_date) {
        const entry = { position, ordinal, version, date, isDebit, amount };
        accountTable.patch(accountId, followDates(state, account, entry));
      }
      postings.push({ accountId, direction, amount: amount.toString() });
      if (!accountNos.includes(account.account_no)) {
        accountNos.push(account.account_no);
        posted.push(account);
      }
      state.append(entries, {
        account_no: account.account_no,
        position,
        account_version: version,
        ordinal,
        effective_date: date,
        direction,
        amount,
        debits_after: debits,
        credits_after: credits,
      });
    }
    const transactionTable = state.table(transactions);
    transactionTable.insert({
      position,
      transaction_id: data.transactionId,
      recorded_at: recordedAt,
      effective_date: data.effectiveDate,
      reverses: data.reverses ?? null,
      reversed_by: null,
      reversed_position: null,
      client_id: data.clientId ?? null,
      description: data.description,
      account_nos: accountNos,
      metadata: data.metadata ?? {},
      hold_id: data.holdId ?? null,
      postings,
    });
    noteLate(state, data.effectiveDate, position);
    if (data.limits !== undefined) keepUses(state, data.limits, position);
    if (data.reverses !== undefined) {
      transactionTable.patch(data.reverses, {
        reversed_by: data.transactionId,
        reversed_position: position,
      });
    }
    const { description, metadata, effectiveDate } = data;
    const found = { description, metadata, effectiveDate, actor, postings: data.postings };
    return keepTokens(state, position, transactionTokens({ ...found, accounts: posted }));
  },
  ({ data }, needs) => {
    needClosedDays(needs);
    needTokens(needs);
    if (data.limits !== undefined) needUses(data.limits, needs);
    for (const { accountId } of data.postings) needs.row(accounts, 'account_id', accountId);
  },
);
