import { GENESIS } from '../../src/engine/event';
import { canonicalEvent, chainHash } from '../../src/engine/hash-chain';
import { systemClock } from '../../src/engine/ids';
import type { ReplayReport } from '../../src/replay/replay';
import { query } from '../harness/cluster';
import { type TestDatabases } from '../harness/databases';
import { dumpState } from '../harness/invariants';
import { startTestLedger } from '../harness/ledger';
import { runScript, startScript } from '../harness/script';
import { seededRandom } from '../harness/seed';
import { waitFor } from '../harness/waiting';
import { mixedBooks } from './mixed-books';
import { schemaOf } from './state-schema';

jest.setTimeout(60_000);

async function someBooks(commands: number): Promise<TestDatabases> {
  const ledger = await startTestLedger();
  await mixedBooks(ledger, seededRandom(), commands);
  await ledger.close();
  return ledger.databases;
}

/** Appends an event of a type that no feature knows, hashed as it should be. */
async function appendUnknownEvent(url: string): Promise<number> {
  const [head] = await query<{ position: number; hash: Buffer }>(
    url,
    'select position, hash from event_log order by position desc limit 1',
  );
  const now = new Date().toISOString();
  const event = {
    position: (head?.position ?? 0) + 1,
    eventId: systemClock.newId(),
    type: 'NobodyKnows',
    version: 1,
    commandId: systemClock.newId(),
    occurredAt: now,
    recordedAt: now,
    actor: 'tester',
    correlationId: null,
    causationId: null,
  };
  const hash = chainHash(head?.hash.toString('hex') ?? GENESIS.hash, canonicalEvent(event, '{}'));
  await query(
    url,
    `insert into event_log (position, event_id, command_id, occurred_at, recorded_at, version, type,
       actor, hash, data) values ($1, $2, $3, $4, $4, 1, $5, $6, $7, '{}')`,
    [event.position, event.eventId, event.commandId, now, event.type, event.actor].concat(
      Buffer.from(hash, 'hex') as never,
    ),
  );
  return event.position;
}

describe('npm run replay', () => {
  it('prints a report for programs, and a line for people', async () => {
    const { urls } = await someBooks(300);
    const before = await dumpState(urls.state);
    const json = await runScript('replay', ['--json'], urls);
    const report = JSON.parse(json.stdout) as ReplayReport;
    expect(json).toMatchObject({ end: 0, stderr: '' });
    expect(report).toMatchObject({ status: 'swapped', processed: report.toPosition, doom: null });
    const plain = await runScript('replay', [], urls);
    expect(plain).toMatchObject({ end: 0, stderr: '' });
    expect(plain.stdout).toMatch(/^Rebuilt the state from \d+ events up to position \d+, .*\n$/);
    expect(await dumpState(urls.state)).toEqual(before);
  });

  it('ends with 4 at an Event of Doom', async () => {
    const databases = await someBooks(200);
    databases.isChecked = false;
    const { urls } = databases;
    const before = await dumpState(urls.state);
    const position = await appendUnknownEvent(databases.superUrls.log);
    const { end, stdout } = await runScript('replay', ['--json'], urls);
    expect(end).toBe(4);
    const report = JSON.parse(stdout) as ReplayReport;
    expect(report).toMatchObject({
      status: 'aborted',
      toPosition: position,
      doom: { position, type: 'NobodyKnows', error: 'No materializer for NobodyKnows' },
    });
    const plain = await runScript('replay', [], urls);
    expect(plain).toMatchObject({ end: 4 });
    expect(plain.stdout).toContain(`Event ${position} (NobodyKnows`);
    expect(await dumpState(urls.state)).toEqual(before);
  });

  it('leaves the state as it was when it is killed', async () => {
    const { urls, superUrls } = await someBooks(2_000);
    const [before, schema] = [await dumpState(urls.state), await schemaOf(urls.state)];
    // Holds the replay up where all rows are written, and before its end.
    await query(
      superUrls.state,
      `create function wait_here() returns event_trigger language plpgsql as
         $$ begin perform pg_sleep(2); end $$;
       create event trigger wait_here on ddl_command_start when tag in ('CREATE INDEX')
         execute function wait_here()`,
    );
    const { child, ended } = await startScript('replay', [], urls);
    await waitFor('the indexes to be built', async () => {
      const building = await query(
        superUrls.state,
        `select from pg_stat_activity where datname = current_database() and state = 'active'
           and query ilike 'create unique index%'`,
      );
      return building.length > 0;
    });
    child.kill('SIGKILL');
    expect((await ended).end).toBe('SIGKILL');
    await query(superUrls.state, 'drop event trigger wait_here');
    expect(await dumpState(urls.state)).toEqual(before);
    expect(await schemaOf(urls.state)).toEqual(schema);
    expect((await runScript('replay', [], urls)).end).toBe(0);
    expect(await dumpState(urls.state)).toEqual(before);
  });
});

describe('every script', () => {
  it('refuses options that it does not know, in one sentence', async () => {
    const urls = {
      log: 'postgresql://nobody@127.0.0.1:1/x',
      state: 'postgresql://nobody@127.0.0.1:1/y',
    };
    for (const name of ['migrate', 'replay', 'import'] as const) {
      const { end, stdout, stderr } = await runScript(name, ['--nonsense'], urls);
      expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
      expect(stderr).toMatch(/^Unknown option '--nonsense'.*\n$/);
    }
  });

  it('says that a database cannot be reached, in one sentence', async () => {
    const urls = {
      log: 'postgresql://nobody@127.0.0.1:1/x',
      state: 'postgresql://nobody@127.0.0.1:1/y',
    };
    for (const name of ['migrate', 'replay'] as const) {
      const { end, stderr } = await runScript(name, [], urls);
      expect(end).toBe(1);
      expect(stderr).toMatch(/^A database cannot be reached: .*\n$/);
    }
  });

  it('migrates once', async () => {
    const { urls } = await someBooks(1);
    const { end, stdout } = await runScript('migrate', [], urls);
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'Both databases are up to date.\n' });
  });
});
