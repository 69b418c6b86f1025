import { ROLES } from '../../src/database/connections';
import { missingGuards } from '../../src/database/log-guards';
import { Registry } from '../../src/engine/define/registry';
import { features } from '../../src/features';
import { verify } from '../../src/proof/replay/verify';
import { query } from '../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../harness/databases';
import { startTestLedger } from '../harness/ledger';
import { PARTITION } from '../harness/unguarded';

const NEVER_TRUNCATED = 'event_log_never_truncated';

/** What may be done to the guards of a log, each with what is said of it. */
const TAMPERINGS: readonly [statement: string, ...said: string[]][] = [
  [
    `alter table ${PARTITION} disable trigger event_log_append_only`,
    `the trigger event_log_append_only of ${PARTITION} is not enabled always`,
  ],
  [
    'alter table event_log disable trigger all',
    'the trigger event_log_append_only of event_log is not enabled always',
    `the trigger ${NEVER_TRUNCATED} of event_log is not enabled always`,
    `the trigger event_log_append_only of ${PARTITION} is not enabled always`,
  ],
  [
    `drop trigger ${NEVER_TRUNCATED} on ${PARTITION}`,
    `the trigger ${NEVER_TRUNCATED} of ${PARTITION} is missing`,
  ],
  [
    'alter table task_log enable trigger task_log_append_only',
    'the trigger task_log_append_only of task_log is not enabled always',
  ],
  [
    'drop trigger event_backup_append_only on event_backup',
    'the trigger event_backup_append_only of event_backup is missing',
  ],
  [
    `create or replace function refuse_task_log_change() returns trigger language plpgsql as
     'begin return new; end'`,
    'the function refuse_task_log_change is not the one that was made',
  ],
  [
    `grant update, delete on event_log to ${ROLES.logWriter}`,
    `${ROLES.logWriter} has the right to DELETE event_log`,
    `${ROLES.logWriter} has the right to UPDATE event_log`,
  ],
  [
    `grant update (hash) on event_log to ${ROLES.logAmender}`,
    `${ROLES.logAmender} has the right to UPDATE event_log.hash`,
  ],
  ['grant truncate on command_log to public', 'everybody has the right to TRUNCATE command_log'],
  [
    `alter table event_types owner to ${ROLES.logWriter}`,
    `truebook_log_service owns event_types, or may become ${ROLES.logWriter}, who does`,
    `${ROLES.logWriter} owns event_types, or may become ${ROLES.logWriter}, who does`,
  ],
  [`alter table event_log detach partition ${PARTITION}`, 'event_log has no partitions'],
];

async function startedBooks(): Promise<TestDatabases> {
  const databases = await cloneDatabases();
  databases.isChecked = false;
  const ledger = await startTestLedger({ databases });
  await ledger.close();
  return databases;
}

describe('the guards of the log', () => {
  it('are all there in a new ledger, and with a second partition', async () => {
    const ledger = await startTestLedger();
    const { open, databases } = ledger;
    const missing = () => missingGuards(open.logReader, databases.urls.log);
    expect(await missing()).toEqual([]);
    await query(databases.urls.log, 'select add_event_log_partition(1000)');
    expect(await missing()).toEqual([]);
  });

  it.each(TAMPERINGS)(
    'are missed by the start and by a verification: %s',
    async (statement, ...lines) => {
      const said = lines.sort();
      const databases = await startedBooks();
      const { urls, superUrls } = databases;
      await query(superUrls.log, statement);
      const start = startTestLedger({ databases });
      const error = await start.then(
        () => undefined,
        (e: unknown) => e as Error,
      );
      expect(error?.name).toBe('ProbeFailed');
      const told = error!.message.split('\n').slice(1);
      expect(told.map((line) => line.replace('  - ', '')).sort()).toEqual(said);
      if (statement.includes('detach')) return;
      const { status, log, chain } = await verify({ urls, registry: new Registry(features) });
      const kinds = [...new Set(log.map(({ kind }) => kind))];
      expect([status, kinds, chain.ok]).toEqual(['failed', ['guard_missing'], true]);
      expect(log.map(({ detail }) => detail.split(': ')[1]).sort()).toEqual(said);
    },
  );
});
