import { GENESIS, type LedgerEvent } from '../../../src/engine/define/event';
import { canonicalEvent, chainHash } from '../../../src/engine/write/hash-chain';
import type { LogFinding } from '../../../src/proof/replay/report';
import { migrateState } from '../../../src/database/migrator';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../../harness/books';
import { endQueries, query, testCluster } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { seededRandom } from '../../harness/seed';
import { PARTITION, unguarded } from '../../harness/unguarded';
import { differing, replayOf, verifyOf, writeBooks } from './some-books';

async function books(): Promise<TestDatabases> {
  const databases = await cloneDatabases({ isChecked: false });
  await writeBooks(databases, seededRandom(), 150);
  return databases;
}

/** Appends an event for each of two accounts and for a number of transactions. */
async function writeMore(databases: TestDatabases, transactions: number): Promise<void> {
  const ledger = await startTestLedger({ databases });
  const [a, b] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
  for (let i = 0; i < transactions; i++) {
    await ledger.accept(PostTransaction, transfer(a, b, '1.00'));
  }
  await ledger.close();
}

/** Statements of somebody who may do anything and wants no trigger to see it. */
async function asSuperuser({ superUrls }: TestDatabases, ...texts: string[]): Promise<void> {
  await unguarded(superUrls.log, async (client) => {
    for (const text of texts) await client.query(text);
  });
}

async function headOf({ urls }: TestDatabases): Promise<number> {
  const rows = await query<{ head: number }>(
    urls.log,
    'select max(position) as head from event_log',
  );
  return rows[0]!.head;
}

/** Position of the transaction that is so many transactions before the last one. */
async function transactionBefore({ urls }: TestDatabases, back: number): Promise<number> {
  const rows = await query<{ position: number }>(
    urls.log,
    `select position from event_log where type = 'TransactionPosted'
     order by position desc offset $1 limit 1`,
    [back],
  );
  return rows[0]!.position;
}

/** What a verification and a replay say of the log; both must say the same. */
async function findings(
  databases: TestDatabases,
): Promise<Pick<LogFinding, 'kind' | 'position'>[]> {
  const verified = await verifyOf(databases);
  expect(verified.status).toBe('failed');
  const wrong = verified.log.filter(({ kind }) => kind !== 'state_behind');
  expect(verified.chain).toEqual({
    ok: wrong.length === 0,
    brokenAt: wrong.length === 0 ? null : Math.min(...wrong.map((finding) => finding.position)),
  });
  for (const { detail } of verified.log) expect(detail).toMatch(/^[A-Z].*[^.]$/);
  return verified.log.map(({ kind, position }) => ({ kind, position }));
}

/** Puts the copy of a database in the database's place, as restoring a dump does. */
async function restore(url: string, copy: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await endQueries();
  await query(testCluster().superUrl, `drop database ${name} with (force)`);
  await query(testCluster().superUrl, `alter database ${copy} rename to ${name}`);
}

/** Whoever opens a restored state migrates it first, which gives it the rights on the database. */
async function restoreState({ urls }: TestDatabases, copy: string): Promise<void> {
  await restore(urls.state, copy);
  await migrateState(urls.state);
}

/** A copy of a database as it is now. @returns its name */
async function copyOf(url: string): Promise<string> {
  const name = new URL(url).pathname.slice(1);
  const copy = `${name}_copy`;
  // Neither a copy nor a new name is to be had of a database that somebody is connected to.
  await endQueries();
  await query(
    testCluster().superUrl,
    `create database ${copy} template ${name} owner truebook_owner`,
  );
  return copy;
}

interface HashedEvent extends Omit<LedgerEvent, 'data' | 'hash'> {
  /** The data as they were hashed. */
  text: string;
  hash: Buffer;
}

/** The log's hashes from a position on, computed anew as somebody would who knows how. */
async function rehash(databases: TestDatabases, from: number, upTo = Infinity): Promise<void> {
  await unguarded(databases.superUrls.log, async (client) => {
    const { rows } = await client.query<HashedEvent>(
      `select position, event_id as "eventId", type, version, command_id as "commandId",
         occurred_at as "occurredAt", recorded_at as "recordedAt", actor,
         correlation_id as "correlationId", causation_id as "causationId", data::text as text, hash
       from event_log where position >= $1 order by position`,
      [from - 1],
    );
    let before = from === 1 ? GENESIS.hash : rows.shift()!.hash.toString('hex');
    for (const { text, hash, ...event } of rows) {
      const { position } = event;
      expect(hash.length).toBe(32);
      if (position > upTo) return;
      before = chainHash(before, canonicalEvent(event, text));
      await client.query(`update ${PARTITION} set hash = $2 where position = $1`, [
        position,
        Buffer.from(before, 'hex'),
      ]);
    }
  });
}

const forge = (position: number) =>
  `update ${PARTITION} set data =
     jsonb_set(data::jsonb, '{description}', '"forged"')::json where position = ${position}`;

describe('a verification finds what happened to the log', () => {
  it('an event that was changed', async () => {
    const databases = await books();
    const position = await transactionBefore(databases, 20);
    await asSuperuser(databases, forge(position));
    expect(await findings(databases)).toEqual([{ kind: 'event_changed', position }]);
    const acceptDifferences = 'it is late';
    expect(await replayOf(databases, { acceptDifferences })).toMatchObject({
      status: 'failed',
      log: [{ kind: 'event_changed', position }],
    });
  });

  it('an event that was changed together with its hash', async () => {
    const databases = await books();
    const position = await transactionBefore(databases, 20);
    await asSuperuser(databases, forge(position));
    await rehash(databases, position, position);
    // The event itself is as it was hashed; the next one was hashed after another.
    expect(await findings(databases)).toEqual([{ kind: 'event_changed', position: position + 1 }]);
  });

  it('an event that was changed, and every hash from there on', async () => {
    const databases = await books();
    const position = await transactionBefore(databases, 20);
    await asSuperuser(databases, forge(position));
    await rehash(databases, position);
    const head = await headOf(databases);
    expect(await findings(databases)).toEqual([{ kind: 'log_rewritten', position: head }]);
    // The state still says what was changed.
    expect(differing(await verifyOf(databases))).toMatchObject([
      { table: 'transactions', changed: 1, firstDivergingPosition: position },
      // What it is found by, in a block or in the one that is being filled.
      { table: expect.stringMatching(/^search_(blocks|heads)$/) as string, changed: 1 },
    ]);
    expect((await replayOf(databases)).status).toBe('differs');
  });

  it('an event that was taken out of the middle', async () => {
    const databases = await books();
    const position = await transactionBefore(databases, 20);
    await asSuperuser(databases, `delete from ${PARTITION} where position = ${position}`);
    expect(await findings(databases)).toEqual([{ kind: 'event_changed', position }]);
  });

  it('the last ten events that were deleted', async () => {
    const databases = await books();
    const head = await headOf(databases);
    await asSuperuser(databases, `delete from ${PARTITION} where position > ${head - 10}`);
    expect(await findings(databases)).toEqual([{ kind: 'log_cut_short', position: head - 9 }]);
    expect((await replayOf(databases)).status).toBe('differs');
    // Also where the log is all that there is.
    await query(
      databases.urls.state,
      `update state.event_log_state set position = 0,
      hash = '\\x${GENESIS.hash}'`,
    );
    expect(await findings(databases)).toContainEqual({
      kind: 'log_cut_short',
      position: head - 9,
    });
  });

  it('a log that was restored to an older time', async () => {
    const databases = await books();
    const copy = await copyOf(databases.urls.log);
    const head = await headOf(databases);
    await writeMore(databases, 20);
    await restore(databases.urls.log, copy);
    expect(await findings(databases)).toEqual([{ kind: 'log_restored', position: head + 1 }]);
    expect((await replayOf(databases)).status).toBe('differs');
    // Going on with what is left is a decision, and then the books are whole again.
    const acceptDifferences = 'the disk of the log was lost';
    expect((await replayOf(databases, { acceptDifferences })).status).toBe('swapped');
    expect((await verifyOf(databases)).status).toBe('passed');
    await writeMore(databases, 20);
    databases.isChecked = true;
  });

  it('a log that was restored and went on without the state', async () => {
    const databases = await books();
    const [copy, kept] = [await copyOf(databases.urls.log), await copyOf(databases.urls.state)];
    await writeMore(databases, 5);
    const stateHead = await headOf(databases);
    const name = new URL(databases.urls.state).pathname.slice(1);
    const superUrl = testCluster().superUrl;
    await endQueries();
    await query(superUrl, `alter database ${name} rename to ${name}_lost`);
    await query(superUrl, `alter database ${kept} rename to ${name}`);
    await restore(databases.urls.log, copy);
    await writeMore(databases, 20);
    await restore(databases.urls.state, `${name}_lost`);
    expect(await findings(databases)).toEqual([{ kind: 'log_rewritten', position: stateHead }]);
  });

  it('a state that was restored to an older time, which the next write heals', async () => {
    const databases = await books();
    const copy = await copyOf(databases.urls.state);
    const head = await headOf(databases);
    await writeMore(databases, 20);
    await restoreState(databases, copy);
    expect(await findings(databases)).toEqual([{ kind: 'state_behind', position: head + 1 }]);
    const end = await headOf(databases);
    for (const toPosition of [head + 3, end, end + 1]) {
      const report = await verifyOf(databases, { toPosition });
      expect({ ...report, differing: differing(report) }).toMatchObject({
        status: 'failed',
        log: [{ kind: 'state_behind' }],
        differing: [],
      });
    }
    await writeMore(databases, 1);
    expect((await verifyOf(databases)).status).toBe('passed');
    databases.isChecked = true;
  });

  it('a state that is behind, which a replay puts right as well', async () => {
    const databases = await books();
    const copy = await copyOf(databases.urls.state);
    await writeMore(databases, 20);
    await restoreState(databases, copy);
    expect(await replayOf(databases)).toMatchObject({ status: 'swapped', accepted: null });
    expect((await verifyOf(databases)).status).toBe('passed');
    databases.isChecked = true;
  });

  it('the history of other books', async () => {
    const [databases, others] = [await books(), await books()];
    const mixed = { urls: { log: others.urls.log, state: databases.urls.state } };
    const [own, other] = [await headOf(databases), await headOf(others)];
    const report = await verifyOf(mixed);
    expect(report.status).toBe('failed');
    expect(report.log.map((finding) => finding.kind)).toEqual([
      own > other ? 'log_restored' : 'log_rewritten',
    ]);
    expect(differing(report).length).toBeGreaterThan(2);
    expect((await replayOf(mixed)).status).toBe('differs');
  });

  it('an event of a version that this program does not know', async () => {
    const databases = await books();
    const position = await transactionBefore(databases, 20);
    await asSuperuser(
      databases,
      `update ${PARTITION} set version = 99 where position = ${position}`,
    );
    await rehash(databases, position);
    const report = await verifyOf(databases);
    expect(report).toMatchObject({
      status: 'failed',
      doom: {
        position,
        type: 'TransactionPosted',
        error: 'TransactionPosted version 99 is newer than this program',
      },
    });
    expect((await replayOf(databases)).status).toBe('failed');
  });
});
