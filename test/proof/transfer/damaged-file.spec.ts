import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { AnotherLog, FileRefused } from '../../../src/proof/transfer/file-refused';
import { importLog } from '../../../src/proof/transfer/import-log';
import { openAccount } from '../../harness/books';
import { query, withClient } from '../../harness/cluster';
import type { TestDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { runScript, startScript } from '../../harness/script';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { gate, waitFor } from '../../harness/waiting';
import {
  counted,
  dumpLog,
  exported,
  freshInstallation,
  newFile,
  refuseSome,
  someBooks,
} from './log-copies';

const FLIPS = rounds(6, 60);
const KILLS = rounds(2, 10);

async function headOf(url: string): Promise<number> {
  const rows = await query<{ head: number }>(
    url,
    'select coalesce(max(position), 0)::bigint as head from event_log',
  );
  return rows[0]!.head;
}

/** What a log is up to a position, deliveries aside. */
function upTo(dump: Record<string, string[]>, position: number): string[] {
  const at = (row: string) => Number(/^\((\d+),/.exec(row)![1]);
  return dump['event_log']!.filter((row) => at(row) <= position);
}

/** Puts the right digests into a file whose rows were changed: what an attacker does. */
function withNewDigests(text: string): string {
  const digest = createHash('sha256');
  const lines = text.split('\n').slice(0, -1);
  const out = lines.map((line) => {
    const isDigest = line.startsWith('{"sha256"');
    const kept = isDigest ? JSON.stringify({ sha256: digest.copy().digest('hex') }) : line;
    digest.update(`${kept}\n`);
    return kept;
  });
  return `${out.join('\n')}\n`;
}

describe('an import', () => {
  let source: TestDatabases;
  let dump: Record<string, string[]>;
  let file: string;

  beforeEach(async () => {
    const ledger = await someBooks(seededRandom(), 250);
    await ledger.close();
    source = ledger.databases;
    dump = await dumpLog(source.urls.log);
    file = await exported(source);
  });

  it('of a file with another byte keeps what is before it, or finds no harm', async () => {
    const random = seededRandom();
    const plain = await readFile(file);
    const whole = { plain, gz: gzipSync(plain) };
    let refused = 0;
    for (let trial = 0; trial < FLIPS; trial++) {
      const kind = trial % 3 === 0 ? 'gz' : 'plain';
      const bytes = Buffer.from(whole[kind]);
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      const damaged = newFile(kind === 'gz' ? '.log.gz' : '.log');
      await writeFile(damaged, bytes);
      const target = await freshInstallation();
      const { urls } = target;
      const error: unknown = await importLog({ url: urls.log, from: damaged }).catch(
        (e: unknown) => e,
      );
      const found = await dumpLog(urls.log);
      if (error instanceof FileRefused) {
        refused += 1;
        const head = await headOf(urls.log);
        expect(error.position).toBe(head);
        expect(found['event_log']).toEqual(upTo(dump, head));
        // The undamaged file goes on where the damaged one ended.
        await importLog({ url: urls.log, from: file });
        expect(await dumpLog(urls.log)).toEqual(dump);
      } else {
        expect({ trial, result: error }).toMatchObject({ trial, result: { status: 'imported' } });
        expect(found).toEqual(dump);
      }
      await target.drop();
    }
    expect(refused).toBeGreaterThan(FLIPS / 2);
  });

  it('that is killed goes on where it was', async () => {
    const random = seededRandom();
    const target = await freshInstallation();
    const total = dump['event_log']!.length;
    for (let kill = 1; kill <= KILLS; kill++) {
      const before = await headOf(target.urls.log);
      const at = before + random.below(Math.ceil((total - before) / 2));
      // Holds the import up there, so that it is killed in the middle of a page.
      await holdUpAt(target, at);
      const { child, ended } = await startScript('import-log', [file], target.urls);
      await waitFor(`a page at ${at}`, () => isHeldUp(target), 60_000);
      child.kill('SIGKILL');
      expect((await ended).end).toBe('SIGKILL');
      await giveUp(target);
      const head = await headOf(target.urls.log);
      expect(head).toBeGreaterThanOrEqual(before);
      expect(head).toBeLessThan(total);
      expect((await dumpLog(target.urls.log))['event_log']).toEqual(upTo(dump, head));
    }
    await query(target.superUrls.log, 'drop trigger hold_up on event_log');
    const { end, stdout } = await runScript('import-log', [file, '--json'], target.urls);
    expect({ end, report: JSON.parse(stdout) as object }).toMatchObject({
      end: 0,
      report: { status: 'imported', head: { position: total } },
    });
    await query(target.superUrls.log, 'drop function hold_up');
    expect(await dumpLog(target.urls.log)).toEqual(dump);
  });

  it('of a file that was cut off keeps whole pages, and says where it ended', async () => {
    const text = await readFile(file, 'utf8');
    const cut = newFile();
    await writeFile(cut, text.slice(0, Math.floor(text.length / 2)));
    const target = await freshInstallation();
    const { end, stdout, stderr } = await runScript('import-log', [cut], target.urls);
    const head = await headOf(target.urls.log);
    expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(`^Line \\d+, after the page up to position ${head}: .*cut off\n$`),
    );
    expect(head).toBeGreaterThan(0);
    expect((await dumpLog(target.urls.log))['event_log']).toEqual(upTo(dump, head));
  });

  it('ends with 5 where the chain is broken, and keeps nothing of that page', async () => {
    const text = await readFile(file, 'utf8');
    const lines = text.split('\n');
    const events = lines.flatMap((line, i) => (line.includes('TransactionPosted') ? [i] : []));
    const at = events[Math.floor(events.length / 2)]!;
    const position = Number(lines[at]!.split('\t')[0]);
    lines[at] = lines[at]!.replace('"description":"', '"description":"not ');
    expect(lines.join('\n')).not.toBe(text);
    const forged = newFile();
    await writeFile(forged, withNewDigests(lines.join('\n')));
    const target = await freshInstallation();
    const { end, stdout } = await runScript('import-log', [forged, '--json'], target.urls);
    expect({ end, report: JSON.parse(stdout) as object }).toMatchObject({
      end: 5,
      report: { status: 'failed', chain: { ok: false, brokenAt: position } },
    });
    const head = await headOf(target.urls.log);
    expect(head).toBeLessThan(position);
    expect((await dumpLog(target.urls.log))['event_log']).toEqual(upTo(dump, head));
    const plain = await runScript('import-log', [forged], target.urls);
    expect(plain.stdout).toContain(`hash chain is broken at position ${position}. The log stands`);
  });

  it('into another log is refused, and changes nothing', async () => {
    const other = await startTestLedger();
    for (let i = 0; i < 3; i++) await openAccount(other);
    await refuseSome(other, 'other');
    const before = await dumpLog(other.databases.urls.log);
    const { log } = other.databases.urls;
    await expect(importLog({ url: log, from: file })).rejects.toThrow(AnotherLog);
    expect(await dumpLog(log)).toEqual(before);
    const { end, stderr } = await runScript('import-log', [file], other.databases.urls);
    expect({ end, stderr }).toEqual({
      end: 1,
      stderr: expect.stringMatching(
        /^At position 3 the log has the hash .* another log\n$/,
      ) as string,
    });
  });

  it('into a log that has gone on since is refused', async () => {
    const ledger = await startTestLedger({ databases: source });
    await openAccount(ledger);
    await expect(importLog({ url: source.urls.log, from: file })).rejects.toThrow(
      /the log is no beginning of the file's/,
    );
    await ledger.close();
  });

  it('into a log with other commands under the same keys is refused', async () => {
    const target = await startTestLedger();
    await refuseSome(target, 'before');
    const { log } = target.databases.urls;
    const before = await dumpLog(log);
    await expect(importLog({ url: log, from: file })).rejects.toThrow(
      /^Line 4, after the page up to position 0: the page is refused by the log: duplicate key/,
    );
    expect(await dumpLog(log)).toEqual(before);
  });

  it('stops where somebody else writes to the log meanwhile', async () => {
    const target = await freshInstallation();
    const intruder = await startTestLedger({ databases: target });
    const bytes = await readFile(file);
    const begun = gate();
    let opened: Promise<unknown> | undefined;
    // The rest of the file comes once somebody else has written.
    const pieces = async function* () {
      yield bytes.subarray(0, bytes.length / 2);
      await begun.opened;
      opened = openAccount(intruder);
      await opened;
      yield bytes.subarray(bytes.length / 2);
    };
    const from = Readable.from(pieces());
    await expect(importLog({ url: target.urls.log, from, onProgress: begun.open })).rejects.toThrow(
      /^Somebody else wrote to the log/,
    );
    await opened;
    await intruder.close();
    expect(counted(await dumpLog(target.urls.log))['event_log']).toBeLessThan(
      dump['event_log']!.length,
    );
  });
});

/** Makes whoever appends the event after a position wait for {@link giveUp}. */
async function holdUpAt({ superUrls }: TestDatabases, position: number): Promise<void> {
  await withClient(superUrls.log, async (client) => {
    await client.query(`
      create or replace function hold_up() returns trigger language plpgsql as
        $$ begin perform pg_sleep(600); return new; end $$`);
    await client.query(`
      create or replace trigger hold_up before insert on event_log for each row
        when (new.position = ${position + 1}) execute function hold_up()`);
  });
}

async function isHeldUp({ superUrls }: TestDatabases): Promise<boolean> {
  const rows = await query(
    superUrls.log,
    `select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`,
  );
  return rows.length > 0;
}

/** Ends the page that is held up: the server does not see by itself that its client is gone. */
async function giveUp({ superUrls }: TestDatabases): Promise<void> {
  await query(
    superUrls.log,
    `select pg_terminate_backend(pid, 60000) from pg_stat_activity
     where datname = current_database() and wait_event = 'PgSleep'`,
  );
}
