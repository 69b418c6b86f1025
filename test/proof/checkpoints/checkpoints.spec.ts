import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Kysely } from 'kysely';
import { FileObjectStore } from '../../../src/outside/adapters/object-store';
import { signCheckpoint } from '../../../src/proof/checkpoints/checkpoint';
import { openSigningKey } from '../../../src/proof/checkpoints/checkpoint-key';
import { CheckpointStore } from '../../../src/proof/checkpoints/checkpoint-store';
import { compareWithLog } from '../../../src/proof/checkpoints/compare-with-log';
import { readHashes, readHead } from '../../../src/proof/checkpoints/log-hashes';
import type { NamedCheckpoint } from '../../../src/proof/checkpoints/read-checkpoints';
import { signerKey } from '../../../src/proof/checkpoints/signed-note';
import {
  verifyCheckpoints,
  verifyCheckpointsOf,
} from '../../../src/proof/checkpoints/verify-checkpoints';
import {
  checkpointNow,
  CheckpointRefused,
  writeCheckpoint,
} from '../../../src/proof/checkpoints/write-checkpoint';
import { Config } from '../../../src/config';
import { GENESIS } from '../../../src/engine/define/event';
import type { LogDatabase } from '../../../src/engine/write/event-log';
import { openAccount } from '../../harness/books';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { cutLog, restoreLog, rewriteLog, tamper } from './tampered-log';

const KEY = signerKey('books.example/main', Buffer.alloc(32, 7));
const STRANGER = signerKey('books.example/main', Buffer.alloc(32, 8));
const TIME = Date.parse('2026-11-21T10:00:00.000Z');

let folder: string;
let store: CheckpointStore;
let ledger: TestLedger;
let log: Kysely<LogDatabase>;
let now: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoints-'));
  store = new CheckpointStore(new FileObjectStore(folder), '', folder);
  ledger = await startTestLedger();
  log = ledger.open.logReader;
  now = TIME;
});

afterEach(() => rm(folder, { recursive: true }));

const write = () => writeCheckpoint({ log, store, key: KEY, now: () => now });
const verify = () => verifyCheckpoints({ log, store, trusted: [KEY] });

async function addEvents(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => openAccount(ledger)));
}

/** Twenty events with a checkpoint after every fifth, an hour apart. */
async function checkpointedBooks(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await addEvents(5);
    now += 3_600_000;
    await write();
  }
}

describe('writing checkpoints', () => {
  it('signs the head of the log and keeps it for ever', async () => {
    await addEvents(5);
    const head = await readHead(log);
    const name = '0000000000000005-20261121T100000000Z.txt';
    expect(await write()).toEqual({
      ...{ ...head, origin: KEY.name, time: new Date(TIME).toISOString() },
      ...{ location: join(folder, name), isNew: true, problems: [] },
    });
    expect(head.position).toBe(5);
    const file = await readFile(join(folder, name));
    expect(file).toEqual(signCheckpoint(head, new Date(TIME).toISOString(), KEY));
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it('writes nothing new where the log has nothing new, and says so', async () => {
    await addEvents(1);
    const first = await write();
    now += 1_000;
    expect(await write()).toEqual({ ...first, isNew: false });
    expect(await readdir(folder)).toHaveLength(1);
    await addEvents(1);
    expect(await write()).toMatchObject({ position: 2, isNew: true });
    expect(await readdir(folder)).toHaveLength(2);
  });

  it('knows an empty log', async () => {
    expect(await write()).toMatchObject({ ...GENESIS, isNew: true });
    expect(await write()).toMatchObject({ ...GENESIS, isNew: false });
    await addEvents(1);
    await write();
    expect(await verify()).toMatchObject({ read: 2, agreed: 2, problems: [], log: [] });
  });

  it('is done by many processes at once', async () => {
    await addEvents(3);
    const written = await Promise.all(Array.from({ length: 10 }, write));
    expect(new Set(written.map(({ position }) => position))).toEqual(new Set([3]));
    expect(await readdir(folder)).toHaveLength(1);
    expect(await verify()).toMatchObject({ read: 1, agreed: 1, problems: [], log: [] });
  });

  it('passes over files that are none, and names them', async () => {
    await addEvents(1);
    const first = await write();
    await writeFile(join(folder, '9999999999999999-x.txt'), 'no checkpoint\n');
    const problems = [{ name: '9999999999999999-x.txt', problem: 'It is no signed note' }];
    expect(await write()).toEqual({ ...first, isNew: false, problems });
  });

  it.each([
    ['cut short', () => cutLog(ledger.databases, 18), 'has no event at position 20'],
    ['older', () => restoreLog(ledger.databases, 18), 'has no event at position 20'],
    ['rewritten', () => rewriteLog(ledger.databases, log, 19), 'has another event at position 20'],
  ])('signs no log that is %s', async (_what, tamperWith, message) => {
    await checkpointedBooks();
    const before = await readdir(folder);
    await tamperWith();
    await expect(write()).rejects.toThrow(CheckpointRefused);
    await expect(write()).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual(before);
    await rm(join(folder, before.at(-1)!));
    expect(await write()).toMatchObject({ isNew: true });
  });
});

describe('comparing checkpoints with the log', () => {
  it('agrees with a log that only grew', async () => {
    await checkpointedBooks();
    await addEvents(3);
    expect(await verify()).toEqual({
      ...{ location: folder, read: 4, agreed: 4, problems: [], problemCount: 0, log: [] },
      newestAgreed: {
        name: '0000000000000020-20261121T140000000Z.txt',
        position: 20,
        time: '2026-11-21T14:00:00.000Z',
      },
    });
  });

  it('finds a log that was cut short', async () => {
    await checkpointedBooks();
    await cutLog(ledger.databases, 10);
    const report = await verify();
    expect(report).toMatchObject({ read: 4, agreed: 2, problems: [] });
    expect(report.log).toEqual([
      {
        kind: 'log_cut_short',
        position: 11,
        detail:
          'The log ends at position 10, before what checkpoint ' +
          '0000000000000020-20261121T140000000Z.txt (position 20, 2026-11-21T14:00:00.000Z), ' +
          'as another does, says, while position 20 is named beside it: events were removed from ' +
          'its end.',
      },
    ]);
  });

  it('finds a log of which no event is left', async () => {
    await checkpointedBooks();
    await cutLog(ledger.databases, 0);
    const { log: findings } = await verify();
    expect(findings).toMatchObject([{ kind: 'log_cut_short', position: 1 }]);
  });

  it('finds a log that was restored to an older time', async () => {
    await checkpointedBooks();
    await restoreLog(ledger.databases, 12);
    const report = await verify();
    expect(report).toMatchObject({ agreed: 2, newestAgreed: { position: 10 } });
    expect(report.log).toMatchObject([{ kind: 'log_restored', position: 13 }]);
    expect(report.log[0]!.detail).toContain('it is an older copy of the log');
    const task = `insert into task_log (position, ordinal, task_id, name, payload)
      values (13, 0, gen_random_uuid(), 'ping', '{}')`;
    await tamper(ledger.databases, [[task]]);
    expect((await verify()).log).toMatchObject([{ kind: 'log_cut_short', position: 13 }]);
  });

  it('finds a log that was rewritten, and up to where it is what it was', async () => {
    await checkpointedBooks();
    await rewriteLog(ledger.databases, log, 7);
    const report = await verify();
    expect(report).toMatchObject({ agreed: 1, problems: [] });
    expect(report.log).toMatchObject([{ kind: 'log_rewritten', position: 10 }]);
    expect(report.log[0]!.detail).toMatch(/as 2 others do,.* up to position 5\.$/);
  });

  it('finds a log that was rewritten from its first event on, and cut short', async () => {
    await checkpointedBooks();
    await rewriteLog(ledger.databases, log, 1);
    await cutLog(ledger.databases, 17);
    const { log: findings } = await verify();
    expect(findings).toMatchObject([
      { kind: 'log_rewritten', position: 5 },
      { kind: 'log_cut_short', position: 18 },
    ]);
  });

  it('finds an event that is missing in between', async () => {
    await checkpointedBooks();
    const text = 'delete from event_log_p0000000000001 where position = 15';
    await tamper(ledger.databases, [[text]]);
    const report = await verify();
    expect(report).toMatchObject({ agreed: 3, log: [{ kind: 'log_rewritten', position: 15 }] });
  });

  it('takes no log that grows meanwhile for one that ended', async () => {
    await addEvents(5);
    const source = async function* (): AsyncGenerator<NamedCheckpoint> {
      for (let chunk = 0; chunk < 3; chunk++) {
        await addEvents(1);
        const checkpoint = { ...(await readHead(log)), origin: KEY.name, time: '' };
        for (let i = 0; i < 999; i++) yield { name: `${chunk}`, checkpoint };
      }
    };
    expect(await compareWithLog(source(), log)).toMatchObject({ findings: [], agreed: 2_997 });
  });

  it('says of thousands in any order what it says of a few', async () => {
    await addEvents(60);
    const positions = Array.from({ length: 60 }, (_, i) => i + 1);
    const hashes = await readHashes(log, positions);
    const named = (position: number, hash: string): NamedCheckpoint => {
      return { name: `${position}`, checkpoint: { position, hash, origin: KEY.name, time: '' } };
    };
    const all = Array.from({ length: 5_500 }, (_, i) => {
      const position = ((i * 37) % 110) + 1;
      const right = hashes.get(position) ?? 'beyond';
      return named(position, position === 47 ? 'wrong' : right);
    });
    const { findings, agreed, newestAgreed } = await compareWithLog(all, log);
    expect(agreed).toBe(59 * 50);
    expect(newestAgreed!.name).toBe('60');
    expect(findings).toMatchObject([
      { kind: 'log_rewritten', position: 47 },
      { kind: 'log_restored', position: 61 },
    ]);
    expect(findings[0]!.detail).toContain('as 49 others do');
    expect(findings[1]!.detail).toContain('checkpoint 110 ');
    expect(findings[1]!.detail).toContain('as 2499 others do');
  });
});

describe('the files of checkpoints', () => {
  it('are named where they are none of ours, and never passed over', async () => {
    await checkpointedBooks();
    const names = (await readdir(folder)).sort() as [string, string, string, string];
    const [first, second, third, fourth] = names.map((name) => join(folder, name)) as typeof names;
    const changed = await readFile(first);
    changed[changed.indexOf('\n') + 1]! ^= 1;
    await writeFile(first, changed);
    const head = { position: 10, hash: 'ab'.repeat(32) };
    await writeFile(second, signCheckpoint(head, new Date(now).toISOString(), STRANGER));
    await writeFile(third, (await readFile(third)).subarray(0, -1));
    await rename(fourth, join(folder, 'renamed'));
    await writeFile(join(folder, 'a file of others'), '');
    await writeFile(join(folder, 'long.txt'), Buffer.alloc(300_000));
    await writeFile(join(folder, '.hidden'), '');
    expect(await verify()).toMatchObject({
      ...{ read: 1, agreed: 1, problemCount: 5, log: [] },
      problems: [
        { name: names[0], problem: expect.stringContaining('does not fit') as string },
        { name: names[1], problem: 'No key that is trusted signed it' },
        { name: names[2], problem: 'It is no signed note' },
        { name: 'a file of others', problem: 'The name of the object is not valid' },
        { name: 'long.txt', problem: 'The object is longer than 262144 bytes' },
      ],
    });
  });

  it('are missed where there is none, and of many problems some are told', async () => {
    const noCheckpoint = { name: folder, problem: 'There is no checkpoint to compare with' };
    expect(await verify()).toMatchObject({
      ...{ read: 0, agreed: 0, newestAgreed: null, log: [] },
      ...{ problems: [noCheckpoint], problemCount: 1 },
    });
    for (let i = 0; i < 50; i++) await writeFile(join(folder, `${100 + i}.txt`), 'x');
    const report = await verify();
    expect(report.problems).toHaveLength(20);
    expect(report.problemCount).toBe(51);
  });

  it('are believed by the keys that are named, so that a key can be changed', async () => {
    await addEvents(2);
    const checkpointsOf = (env: Record<string, string> = {}) =>
      Config.load({ DATA_DIR: folder, ...env }).checkpoints;
    const first = await checkpointNow({ config: checkpointsOf(), log });
    expect(first.location).toMatch(/\/checkpoints\/0{15}2-/);
    const old = await openSigningKey(checkpointsOf());
    await addEvents(1);
    const changed = { CHECKPOINT_KEY: '07'.repeat(32), CHECKPOINT_ORIGIN: first.origin };
    const next = await openSigningKey(checkpointsOf(changed));
    const unknown = await checkpointNow({ config: checkpointsOf(changed), log });
    expect(unknown.problems).toHaveLength(1);
    expect(await verifyCheckpointsOf({ config: checkpointsOf(changed), log })).toMatchObject({
      ...{ read: 1, agreed: 1, log: [] },
      problems: [{ name: basename(first.location), problem: 'No key that is trusted signed it' }],
    });
    const trusting = { ...changed, CHECKPOINT_PUBLIC_KEYS: `${old.text},${next.text}` };
    expect(await verifyCheckpointsOf({ config: checkpointsOf(trusting), log })).toMatchObject({
      ...{ read: 2, agreed: 2, problems: [], log: [] },
    });
  });
});
