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

type Tampering = readonly [statement: string, ...said: string[]];

/** A trigger that is made again under its name, and fires always. */
function replaced(table: string, fires: string, schema = ''): string {
  const trigger = `${table}_append_only`;
  return `drop trigger ${trigger} on ${table};
    create trigger ${trigger} ${fires} execute function ${schema}refuse_${table}_change();
    alter table ${table} enable always trigger ${trigger}`;
}

const NOTHING = `create function nothing() returns trigger language plpgsql as
  'begin return null; end'`;

/** What may be done to the guards of a log, each with what is said of it. */
const TAMPERINGS: readonly Tampering[] = [
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
  ...['insert', 'update', 'delete', 'truncate'].map((right): Tampering => {
    const name = right.toUpperCase();
    return [
      `grant ${right} on api_keys, accepted_times, event_log_partitions to ${ROLES.logWriter}`,
      ...['api_keys', 'accepted_times', 'event_log_partitions'].map(
        (table) => `${ROLES.logWriter} has the right to ${name} ${table}`,
      ),
    ];
  }),
  ...[
    'before update or delete on event_log for each row when (false)',
    'before update of actor or delete on event_log for each row',
    'before delete on event_log for each row',
    'after update or delete on event_log for each row',
  ].map((fires): Tampering => [
    replaced('event_log', fires),
    'the trigger event_log_append_only of event_log is not the one that was made',
    `the trigger event_log_append_only of ${PARTITION} is not the one that was made`,
  ]),
  [
    replaced('task_log', 'before update or delete or truncate on task_log when (false)'),
    'the trigger task_log_append_only of task_log is not the one that was made',
  ],
  [
    `create schema another;
     create function another.refuse_event_backup_change() returns trigger language plpgsql as
     'begin return null; end';
     ${replaced('event_backup', 'before update or delete on event_backup', 'another.')}`,
    'the trigger event_backup_append_only of event_backup calls another.refuse_event_backup_change',
  ],
  ...['event_log', PARTITION, 'task_log', 'event_types', 'api_keys'].map((table): Tampering => [
    `${NOTHING}; create trigger another before insert on ${table} for each row
     execute function nothing()`,
    `the trigger another of ${table} was not made by the migrations`,
    ...(table === 'event_log'
      ? [`the trigger another of ${PARTITION} was not made by the migrations`]
      : []),
  ]),
  ...['event_log', PARTITION, 'command_log'].map((table): Tampering => [
    `create rule another as on update to ${table} do instead nothing`,
    `the rule another of ${table} was not made by the migrations`,
  ]),
  ...['event_log enable', `${PARTITION} enable`, 'task_log force'].map((how): Tampering => [
    `alter table ${how} row level security`,
    `row security of ${how.split(' ')[0]} is enabled`,
  ]),
  ...[
    'refuse_event_log_change() security definer',
    "refuse_task_log_change() set session_replication_role = 'replica'",
    'add_event_log_partition(bigint) security invoker',
    'add_event_log_partition(bigint) reset all',
    'add_event_log_partition(bigint) set search_path = state, public',
  ].map((how): Tampering => [
    `alter function ${how}`,
    `the function ${how.split('(')[0]} is not the one that was made`,
  ]),
  [
    `create function refuse_event_log_change(int) returns int language sql as 'select 1';
     create or replace function refuse_event_log_change() returns trigger language plpgsql as
     'begin return null; end'`,
    'the function refuse_event_log_change is not the one that was made',
  ],
  [
    `alter function refuse_event_backup_change() owner to ${ROLES.logWriter}`,
    `the function refuse_event_backup_change belongs to ${ROLES.logWriter}, ` +
      "not to the log's owner",
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
      const { status, log, chain } = await verify({ urls, registry: new Registry(features) });
      const kinds = [...new Set(log.map(({ kind }) => kind))];
      expect([status, kinds, chain.ok]).toEqual(['failed', ['guard_missing'], true]);
      expect(log.map(({ detail }) => detail.split(': ')[1]).sort()).toEqual(said);
    },
  );
});
