import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { PostTransactionBatch } from '../../src/books/transactions/batch.creator';
import type { Client } from 'pg';
import { TransactionPosted } from '../../src/books/transactions/transaction.events';
import { transactions } from '../../src/books/transactions/transaction.table';
import { findAccount } from '../../src/books/accounts/account.queries';
import { accountFeature } from '../../src/books/accounts/account.feature';
import { currencyFeature } from '../../src/books/currencies/currency.feature';
import { defineCreator } from '../../src/engine/define/creator';
import { EventOfDoom } from '../../src/engine/catch-up/catch-up';
import { HeadsDiverge, OtherMaterializers } from '../../src/engine/write/heads';
import { defineMaterializer, type Materializer } from '../../src/engine/define/materializer';
import { LedgerUnavailable } from '../../src/engine/define/refusal';
import { defineFeature, type Feature } from '../../src/engine/define/feature';
import { RegistryError } from '../../src/engine/define/registry';
import { features } from '../../src/features';
import { searchFeature } from '../../src/books/search/search.feature';
import { thingsOf } from '../../src/books/search/search.rules';
import { BLOCK_POSITIONS } from '../../src/books/search/search.table';
import { currentAccount, openAccount, transfer } from '../harness/books';
import { query, withClient } from '../harness/cluster';
import { dumpState } from '../harness/invariants';
import { startTestLedger, type TestLedger } from '../harness/ledger';
import { changed } from '../proof/replay/some-books';
import { gate } from '../harness/waiting';

async function startBooks(transfers: number) {
  const ledger = await startTestLedger();
  const cash = await openAccount(ledger);
  const equity = await openAccount(ledger, { type: 'equity' });
  const one = transfer(cash, equity, '1');
  for (let left = transfers; left > 0; left -= 1_000) {
    const batch = Array.from({ length: Math.min(left, 1_000) }, () => one);
    await ledger.accept(PostTransactionBatch, { mode: 'atomic', transactions: batch });
  }
  return { ledger, cash, equity, pay: () => ledger.accept(PostTransaction, one) };
}

/** What the accounts and transactions of these books write, but for the accounts. */
const WRITTEN = [
  ...['entries', 'entry_marks', 'late_entries', 'transactions', 'currencies'],
  ...['subject_positions', 'account_terms', 'search_blocks', 'search_postings'],
];

/** Takes the state back to an earlier position, as a restored or crashed server may. */
async function forgetAfter(ledger: TestLedger, position: number): Promise<void> {
  const { log, state } = ledger.databases.urls;
  const [event] = await query<{ hash: Buffer }>(
    log,
    'select hash from event_log where position = $1',
    [position],
  );
  await withClient(state, async (client) => {
    await client.query('begin');
    for (const table of WRITTEN) {
      await client.query(`delete from ${table} where position > $1`, [position]);
    }
    await client.query('delete from accounts where account_no > $1', [position]);
    await forgetFoundAfter(client, position);
    await client.query('update event_log_state set position = $1, hash = $2', [
      position,
      event?.hash ?? Buffer.alloc(32),
    ]);
    await client.query('commit');
  });
}

/** Of the things of the first block, which is the one that is being filled or is so again. */
async function forgetFoundAfter(client: Client, position: number): Promise<void> {
  expect(position).toBeLessThan(BLOCK_POSITIONS);
  const first = await client.query<{ block: number; tokens: string }>(
    'select block, tokens from search_heads',
  );
  await client.query('delete from search_heads');
  const [head] = first.rows;
  if (!head) return;
  const things = thingsOf(head).filter((thing) => thing.position <= position);
  if (things.length === 0) return;
  const tokens = head.tokens.split('\n').slice(0, things.length).join('\n');
  await client.query('insert into search_heads values (1, $1, $2, $3)', [
    head.block,
    tokens,
    things.at(-1)!.position,
  ]);
}

async function setStateHead(ledger: TestLedger, assignment: string): Promise<void> {
  await query(ledger.databases.urls.state, `update event_log_state set ${assignment}`);
}

describe('a state that is behind the log', () => {
  it.each([
    [0, 'warm'],
    [1, 'cold'],
    [5, 'warm'],
    [5, 'cold'],
  ] as const)(
    'is healed from position %i by the next write of a %s ledger',
    async (position, is) => {
      const { ledger, cash, equity, pay } = await startBooks(10);
      // A cold one has no rows in memory, and must not load them from the state as it is.
      if (is === 'cold') await ledger.restart();
      await forgetAfter(ledger, position);
      expect(await pay()).toMatchObject({
        position: 13,
        postings: [{ balanceAfter: '11.00' }, {}],
      });
      expect(await currentAccount(ledger, cash.id)).toMatchObject({
        balance: '11.00',
        version: 12,
      });
      expect(await currentAccount(ledger, equity.id)).toMatchObject({ balance: '11.00' });
    },
  );

  it('is healed before anything is read from it', async () => {
    const { ledger, cash } = await startBooks(10);
    await forgetAfter(ledger, 4);
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '10.00', position: 12 });
  });

  it('is not read ahead of the locks, not even where another ledger heals it then', async () => {
    const { ledger, cash, equity } = await startBooks(10);
    const other = await startTestLedger({ databases: ledger.databases });
    await ledger.restart();
    await forgetAfter(ledger, 5);
    const [hasRead, goOn] = [gate(), gate()];
    let runs = 0;
    const readAndPay = defineCreator<null, void>({
      name: 'ReadAndPay',
      run: async (context) => {
        const isFirst = ++runs === 1;
        await findAccount(context.state, cash.id);
        if (isFirst) {
          hasRead.open();
          await goOn.opened;
        }
        await context.run(PostTransaction, transfer(cash, equity, '1'));
      },
    });
    const paid = ledger.submit(readAndPay, null);
    await Promise.race([hasRead.opened, paid]);
    await other.open.ledger.heal();
    goOn.open();
    expect(await paid).toMatchObject({ kind: 'accepted', position: 13 });
    expect(await currentAccount(other, cash.id)).toMatchObject({ balance: '11.00', version: 12 });
  });

  it('is healed by the start, through several pages', async () => {
    const { ledger, cash, pay } = await startBooks(4_500);
    const before = await dumpState(ledger.databases.urls.state);
    await ledger.close();
    await forgetAfter(ledger, 0);
    await ledger.restart();
    expect(await dumpState(ledger.databases.urls.state)).toEqual(before);
    await pay();
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '4501.00' });
  });
});

describe('a state that is not what the log makes', () => {
  const corruptions: [string, string][] = [
    ['ahead of the log', 'position = position + 1'],
    ['of another history', `hash = decode(repeat('ab', 32), 'hex')`],
    ['of another history, and behind', `position = 3, hash = decode(repeat('ab', 32), 'hex')`],
    ['of other materializers', `materializers_version = 'others'`],
  ];

  it.each(corruptions)('(%s) is not written to, and not healed silently', async (_, assignment) => {
    const { ledger, pay } = await startBooks(5);
    ledger.databases.isChecked = false;
    await setStateHead(ledger, assignment);
    const before = await dumpState(ledger.databases.urls.state);
    for (let i = 0; i < 2; i++) await expect(pay()).rejects.toThrow(LedgerUnavailable);
    expect(ledger.open.ledger.status().failure).toMatch(/diverge|materializers/);
    await expect(ledger.restart()).rejects.toThrow(
      assignment.includes('version') ? OtherMaterializers : HeadsDiverge,
    );
    expect(await dumpState(ledger.databases.urls.state)).toEqual(before);
    const [log] = await query<{ count: number }>(
      ledger.databases.urls.log,
      'select count(*) from event_log',
    );
    expect(log).toEqual({ count: 7 });
  });

  it('is written to again once it has been put right', async () => {
    const { ledger, pay } = await startBooks(5);
    await setStateHead(ledger, 'position = position + 1');
    await expect(pay()).rejects.toThrow('diverge');
    await setStateHead(ledger, 'position = position - 1');
    expect(await pay()).toMatchObject({ position: 8 });
    expect(ledger.open.ledger.status().failure).toBeUndefined();
  });
});

describe('a log that this program cannot materialize', () => {
  const featuresWith = (materializer: Materializer): Feature[] => [
    accountFeature,
    currencyFeature,
    searchFeature,
    defineFeature({
      name: 'transactions',
      tables: [transactions],
      materializers: [materializer],
    }),
  ];

  it('has an event type that no feature knows', async () => {
    const { ledger } = await startBooks(1);
    const { databases } = ledger;
    await ledger.close();
    await expect(startTestLedger({ databases, features: [accountFeature] })).rejects.toThrow(
      RegistryError,
    );
    databases.features = features;
  });

  it('has a state that other materializers built', async () => {
    const { ledger } = await startBooks(1);
    const { databases } = ledger;
    await ledger.close();
    const changed = defineMaterializer(TransactionPosted, 2, () => Promise.resolve());
    await expect(startTestLedger({ databases, features: featuresWith(changed) })).rejects.toThrow(
      OtherMaterializers,
    );
    databases.features = features;
  });

  it('has an Event of Doom: the position is told, and the state stays as it was', async () => {
    const { ledger } = await startBooks(5);
    const { databases } = ledger;
    await ledger.close();
    await forgetAfter(ledger, 0);
    const before = await dumpState(databases.urls.state);
    const doomed = defineMaterializer(TransactionPosted, 1, (event) =>
      event.position === 5 ? Promise.reject(new Error('doom')) : Promise.resolve(),
    );
    const start = startTestLedger({ databases, features: featuresWith(doomed) });
    await expect(start).rejects.toThrow(EventOfDoom);
    await expect(start).rejects.toMatchObject({ position: 5, type: 'TransactionPosted' });
    expect(await dumpState(databases.urls.state)).toEqual(before);
    databases.features = features;
    await ledger.restart();
  });

  it('has an event whose row a constraint refuses: the position is told too', async () => {
    const { ledger } = await startBooks(5);
    const { databases } = ledger;
    await ledger.close();
    await forgetAfter(ledger, 3);
    const before = await dumpState(databases.urls.state);
    const doomed = changed(TransactionPosted.type, (apply) => (event, context) => {
      const isDoomed = event.position === 5;
      return apply(isDoomed ? { ...event, recordedAt: null as never } : event, context);
    });
    const start = startTestLedger({ databases, features: doomed });
    await expect(start).rejects.toThrow(EventOfDoom);
    await expect(start).rejects.toMatchObject({ position: 5, type: 'TransactionPosted' });
    expect(await dumpState(databases.urls.state)).toEqual(before);
    databases.features = features;
    await ledger.restart();
  });
});
