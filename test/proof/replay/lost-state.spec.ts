import { installationOf } from '../../../src/database/connections';
import { migrate } from '../../../src/database/migrator';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { startTestLedger } from '../../harness/ledger';
import { openAccount } from '../../harness/books';
import { replayOf, someBooks, verifyOf } from './some-books';
import { schemaOf } from './state-schema';

describe('a state that is lost', () => {
  it('comes back from the log after its schema was dropped', async () => {
    const databases = await someBooks(200);
    const { urls } = databases;
    const [before, schema] = [await dumpState(urls.state), await schemaOf(urls.state)];
    await query(urls.state, 'drop schema state cascade');
    // Other ledgers use the same roles; this state belongs to its log's nevertheless.
    const migrated = await migrate(urls);
    expect(installationOf(migrated.urls.state)).toBe(installationOf(migrated.urls.log));
    expect(await replayOf(databases)).toMatchObject({ status: 'swapped', accepted: null });
    expect(await dumpState(urls.state)).toEqual(before);
    expect(await schemaOf(urls.state)).toEqual(schema);
    expect((await verifyOf(databases)).status).toBe('passed');
  });

  it('comes back where it does not say any longer what it contains', async () => {
    const databases = await someBooks(200);
    const { state } = databases.urls;
    const before = await dumpState(state);
    const acceptDifferences = 'its head was lost';
    for (const damage of [
      'delete from state.event_log_state',
      'update state.event_log_state set position = position - 5',
      `update state.event_log_state set hash = decode(repeat('ab', 32), 'hex')`,
    ]) {
      await query(state, damage);
      await expect(startTestLedger({ databases })).rejects.toMatchObject({ name: 'HeadsDiverge' });
      expect((await verifyOf(databases)).status).toBe('failed');
      expect((await replayOf(databases)).status).toBe('differs');
      expect((await replayOf(databases, { acceptDifferences })).status).toBe('swapped');
      expect(await dumpState(state)).toEqual(before);
      expect((await verifyOf(databases)).status).toBe('passed');
    }
  });
});

describe('a replay', () => {
  it('keeps what an installation has granted on the state', async () => {
    const databases = await cloneDatabases();
    const ledger = await startTestLedger({ databases });
    await openAccount(ledger);
    await ledger.close();
    const { state } = databases.superUrls;
    // A role that comes with PostgreSQL: roles belong to the whole server.
    await query(state, 'grant usage on schema state to pg_monitor');
    await query(state, 'grant select on state.accounts to pg_monitor, public');
    const rights = () =>
      query(
        state,
        `select has_schema_privilege('pg_monitor', 'state', 'usage') as schema,
           has_table_privilege('pg_monitor', 'state.accounts', 'select') as read,
           has_table_privilege('pg_monitor', 'state.accounts', 'insert') as write,
           has_table_privilege('pg_monitor', 'state.entries', 'select') as others`,
      );
    const before = await rights();
    expect(before).toEqual([{ schema: true, read: true, write: false, others: false }]);
    const schema = await schemaOf(state);
    expect((await replayOf(databases)).status).toBe('swapped');
    expect(await rights()).toEqual(before);
    expect(await schemaOf(state)).toEqual(schema);
  });
});
