import { GENESIS } from '../../../src/engine/define/event';
import { canonicalEvent, chainHash } from '../../../src/engine/write/hash-chain';
import { systemClock } from '../../../src/engine/define/ids';
import type { ReplayReport } from '../../../src/proof/replay/report';
import { query } from '../../harness/cluster';
import { type TestDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { startTestLedger } from '../../harness/ledger';
import { runScript } from '../../harness/script';
import { seededRandom } from '../../harness/seed';
import { PARTITION, unguarded } from '../../harness/unguarded';
import { mixedBooks } from './mixed-books';
import { schemaOf } from './state-schema';

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
      status: 'failed',
      toPosition: position,
      doom: { position, type: 'NobodyKnows', error: 'No materializer for NobodyKnows' },
    });
    const plain = await runScript('replay', [], urls);
    expect(plain).toMatchObject({ end: 4 });
    expect(plain.stdout).toContain(`event ${position} (NobodyKnows`);
    expect(await dumpState(urls.state)).toEqual(before);
  });

  it('ends with 3 where the state differs, mends it when told why, and goes back', async () => {
    const databases = await someBooks(200);
    const { urls } = databases;
    const before = await dumpState(urls.state);
    await query(
      urls.state,
      `update state.accounts set name = 'forged' where account_no =
      (select min(account_no) from state.accounts)`,
    );
    const forged = await dumpState(urls.state);
    const refused = await runScript('replay', [], urls);
    expect(refused).toMatchObject({ end: 3, stderr: '' });
    expect(refused.stdout).toMatch(/^DIFFERS: accounts: 0 rows missing, 0 extra, 1 changed, .*\n$/);
    expect(refused.stdout).toContain('--accept-differences "reason"');
    expect(await dumpState(urls.state)).toEqual(forged);
    const empty = await runScript('replay', ['--accept-differences', ' '], urls);
    expect(empty).toMatchObject({ end: 1, stderr: '--accept-differences needs a reason\n' });
    const mended = await runScript('replay', ['--accept-differences', 'it was forged'], urls);
    expect(mended).toMatchObject({ end: 0, stderr: '' });
    expect(mended.stdout).toContain('Differences were accepted (it was forged): accounts: ');
    expect(await dumpState(urls.state)).toEqual(before);
    const swapBack = () => runScript('replay', ['--swap-back'], urls);
    expect(await swapBack()).toMatchObject({ end: 0, stderr: '' });
    expect(await dumpState(urls.state)).toEqual(forged);
    expect(await swapBack()).toMatchObject({
      end: 1,
      stderr: 'There is no state of before a replay\n',
    });
    databases.isChecked = false;
  });
});

describe('npm run verify', () => {
  it('ends with 0, 3, 4 and 5, and says why in one line', async () => {
    const databases = await someBooks(200);
    const { urls, superUrls } = databases;
    const schema = await schemaOf(urls.state);
    const good = await runScript('verify', [], urls);
    expect(good).toMatchObject({ end: 0, stderr: '' });
    expect(good.stdout).toMatch(/^Passed: \d+ events, .*chain intact.*\n$/);
    databases.isChecked = false;
    await query(urls.state, 'update state.entries set amount = amount + 1 where ordinal = 0');
    const differs = await runScript('verify', [], urls);
    expect(differs.end).toBe(3);
    expect(differs.stdout).toMatch(/^FAILED: entries: 0 rows missing, 0 extra, \d+ changed, .*\n$/);
    const position = await appendUnknownEvent(superUrls.log);
    const doomed = await runScript('verify', [], urls);
    expect(doomed.end).toBe(4);
    expect(doomed.stdout).toContain(`event ${position} (NobodyKnows`);
    await unguarded(superUrls.log, (client) =>
      client.query(`update ${PARTITION} set actor = 'nobody' where position = 7`),
    );
    const broken = await runScript('verify', [], urls);
    expect(broken.end).toBe(5);
    expect(broken.stdout).toMatch(/^FAILED: event changed: .*event 7 .*\n$/);
    expect(await schemaOf(urls.state)).toEqual(schema);
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
