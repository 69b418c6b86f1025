import { sql } from 'kysely';
import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { listEntries, readAccount } from '../../../src/books/accounts/account.queries';
import { accountView } from '../../../src/books/accounts/account.view';
import { PostTransactionBatch } from '../../../src/books/transactions/batch.creator';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../../src/books/transactions/transaction.creators';
import { readTransaction } from '../../../src/books/transactions/transaction.queries';
import { transactions } from '../../../src/books/transactions/transaction.table';
import { currentAccount, openAccount, transfer } from '../../harness/books';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import type { AccountDto } from '../../../src/books/accounts/account.dto';

async function startBooks() {
  const ledger = await startTestLedger();
  const cash = await openAccount(ledger, { clientId: 'cash' });
  const customer = await openAccount(ledger, { type: 'liability', minBalance: '0' });
  return { ledger, cash, customer };
}

async function accountAt(ledger: TestLedger, id: string, position: number) {
  const { value } = await ledger.open.stateReader.read((db) => readAccount(db, id, position));
  return value && accountView(value);
}

async function statement(ledger: TestLedger, id: string, from?: string, to?: string) {
  const { value } = await ledger.open.stateReader.read(async (db) => {
    const account = (await readAccount(db, id))!;
    return listEntries(db, account, { from, to }, { position: 0, ordinal: -1 }, 100);
  });
  return value.map((e) => `${e.position} ${e.direction} ${e.amount} → ${e.balanceAfter}`);
}

describe('reversing a transaction', () => {
  it('posts the opposite, in the same order, once', async () => {
    const { ledger, cash, customer } = await startBooks();
    const original = await ledger.accept(
      PostTransaction,
      transfer(cash, customer, '7', { clientId: 'deposit', description: 'Deposit' }),
    );
    const reversal = await ledger.accept(ReverseTransaction, { transactionId: 'client:deposit' });
    expect(reversal).toMatchObject({
      ...{ reverses: original.id, reversedBy: null, position: 4 },
      description: 'Reversal of Deposit',
      postings: [
        { accountId: cash.id, direction: 'credit', amount: '7.00', balanceAfter: '0.00' },
        { accountId: customer.id, direction: 'debit', amount: '7.00', balanceAfter: '0.00' },
      ],
    });
    const { value } = await ledger.open.stateReader.read((db) => readTransaction(db, original.id));
    expect(value).toEqual({ ...original, reversedBy: reversal.id });
    const again = await ledger.refuse(ReverseTransaction, { transactionId: original.id });
    expect(again.code).toBe('already_reversed');
  });

  it('costs the accounts that it posts to, and not all that there are', async () => {
    const { ledger, cash, customer } = await startBooks();
    await Promise.all(Array.from({ length: 500 }, () => openAccount(ledger)));
    const { id } = await ledger.accept(PostTransaction, transfer(cash, customer, '7'));
    const { value: plan } = await ledger.open.stateReader.read((db) =>
      sql<object>`explain select * from ${transactions.source!.as('t')}
        where t.transaction_id = any(${[id]}::uuid[])`.execute(db),
    );
    const steps = plan.rows.flatMap((row) => Object.values(row) as string[]).join('\n');
    expect(steps).toMatch(/using accounts_pkey on accounts/);
    expect(steps).not.toMatch(/Seq Scan on (accounts|entries)/);
  });

  it('can itself be reversed', async () => {
    const { ledger, cash, customer } = await startBooks();
    const first = await ledger.accept(PostTransaction, transfer(cash, customer, '7'));
    const second = await ledger.accept(ReverseTransaction, { transactionId: first.id });
    const third = await ledger.accept(ReverseTransaction, { transactionId: second.id });
    expect(third).toMatchObject({ reverses: second.id, postings: [{ balanceAfter: '7.00' }, {}] });
  });

  it('happens once, of many that try at the same time, and of the same batch', async () => {
    const { ledger, cash, customer } = await startBooks();
    const posted = ledger.accept(PostTransaction, transfer(cash, customer, '7', { clientId: 't' }));
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        ledger.submit(ReverseTransaction, { transactionId: 'client:t' }),
      ),
    );
    await posted;
    expect(outcomes.filter((o) => o.kind === 'accepted')).toHaveLength(1);
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '0.00', version: 3 });
  });

  it('is refused by limits and closed accounts like any posting', async () => {
    const { ledger, cash, customer } = await startBooks();
    const other = await openAccount(ledger, { type: 'liability' });
    const deposit = await ledger.accept(PostTransaction, transfer(cash, customer, '7'));
    await ledger.accept(PostTransaction, transfer(customer, other, '7'));
    const spent = await ledger.refuse(ReverseTransaction, { transactionId: deposit.id });
    expect(spent).toMatchObject({
      code: 'insufficient_funds',
      details: { accountId: customer.id },
    });
    await ledger.accept(CloseAccount, { accountId: customer.id });
    const closed = await ledger.refuse(ReverseTransaction, { transactionId: deposit.id });
    expect(closed).toMatchObject({ code: 'account_closed' });
    const unknown = await ledger.refuse(ReverseTransaction, { transactionId: 'client:nothing' });
    expect(unknown.code).toBe('not_found');
  });
});

describe('the past', () => {
  it('is read from the entries, at any position', async () => {
    const { ledger, cash, customer } = await startBooks();
    const views: AccountDto[] = [cash];
    for (const amount of ['1', '2', '3']) {
      await ledger.accept(PostTransaction, transfer(cash, customer, amount));
      views.push(await currentAccount(ledger, cash.id));
    }
    await ledger.accept(PostTransaction, transfer(customer, cash, '6'));
    await ledger.accept(CloseAccount, { accountId: cash.id });
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ status: 'closed', version: 6 });
    expect(await accountAt(ledger, cash.id, 1)).toEqual(cash);
    expect(await accountAt(ledger, cash.id, 2)).toEqual(cash);
    for (const [i, view] of views.slice(1).entries()) {
      expect(await accountAt(ledger, cash.id, 3 + i)).toEqual(view);
    }
    expect(await accountAt(ledger, customer.id, 1)).toBeUndefined();
  });

  it('is a statement with running balances, also of several postings at once', async () => {
    const { ledger, cash, customer } = await startBooks();
    await ledger.accept(PostTransaction, {
      description: 'Twice',
      effectiveDate: '2026-01-31',
      postings: [
        { accountId: cash.id, direction: 'debit', amount: '5' },
        { accountId: 'client:cash', direction: 'credit', amount: '2' },
        { accountId: customer.id, direction: 'credit', amount: '3' },
      ],
    });
    await ledger.accept(
      PostTransaction,
      transfer(cash, customer, '4', { effectiveDate: '2026-02-01' }),
    );
    const first = ['3 debit 5.00 → 5.00', '3 credit 2.00 → 3.00'];
    expect(await statement(ledger, cash.id)).toEqual([...first, '4 debit 4.00 → 7.00']);
    expect(await statement(ledger, cash.id, undefined, '2026-01-31')).toEqual(first);
    expect(await statement(ledger, cash.id, '2026-02-01')).toEqual(['4 debit 4.00 → 7.00']);
  });
});

describe('accounts beyond what a process keeps in memory', () => {
  it('are read back as they were', async () => {
    const ledger = await startTestLedger();
    const accounts = await Promise.all(
      Array.from({ length: 300 }, (_, i) => openAccount(ledger, { name: `Account ${i}` })),
    );
    await ledger.restart();
    for (let round = 0; round < 3; round++) {
      const transactions = accounts.map((account, i) =>
        transfer(account, accounts[(i + 1) % accounts.length]!, '1'),
      );
      await ledger.accept(PostTransactionBatch, { mode: 'atomic', transactions });
      await ledger.restart();
    }
    for (const { id } of [accounts[0]!, accounts[150]!, accounts[299]!]) {
      expect(await currentAccount(ledger, id)).toMatchObject({
        ...{ balance: '0.00', debits: '3.00', credits: '3.00', version: 7 },
      });
    }
  });
});
