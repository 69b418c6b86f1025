import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GENESIS } from '../../engine/define/event';
import { Config } from '../../config';
import { checkpointName, openCheckpoint, signCheckpoint } from './checkpoint';
import { openSigningKey, readTrustedKeys } from './checkpoint-key';
import { openCheckpointStore } from './checkpoint-store';
import { NoteRefused, signerKey, signNote } from './signed-note';

const SEED = Buffer.alloc(32, 7);
const KEY = signerKey('books.example/main', SEED);
const TIME = '2026-11-21T10:00:00.000Z';
const HEAD = {
  position: 123,
  hash: '030b131b232b333b434b535b636b737b838b939ba3abb3bbc3cbd3dbe3ebf3fb',
};
const HASH = 'AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/s=';
/** Made by Go's golang.org/x/mod/sumdb/note. */
const SIGNED_BY_GO = `books.example/main
123
${HASH}
time ${TIME}

— books.example/main ${[
  'MkXJ0t/iyZqS8XwjZ5HIYmFGxBBJt0uAFfmItBnPiZhbvTXLsU3U',
  'zTH/XppPw74Pk1m6bC6FZQS9Qj5lDDKUWa/fTgs=',
].join('')}
`;

describe('checkpoints', () => {
  it('are to the byte what another program signs', () => {
    expect(KEY.text).toBe(
      'books.example/main+3245c9d2+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs',
    );
    expect(signCheckpoint(HEAD, TIME, KEY).toString()).toBe(SIGNED_BY_GO);
  });

  it('are read as they were written', () => {
    const expected = { ...HEAD, origin: 'books.example/main', time: TIME };
    expect(openCheckpoint(Buffer.from(SIGNED_BY_GO), [KEY])).toEqual(expected);
    const empty = signCheckpoint(GENESIS, TIME, KEY);
    expect(openCheckpoint(empty, [KEY])).toMatchObject(GENESIS);
    const last = { position: Number.MAX_SAFE_INTEGER, hash: 'ff'.repeat(32) };
    expect(openCheckpoint(signCheckpoint(last, TIME, KEY), [KEY])).toMatchObject(last);
  });

  it('may have more lines than this version writes', () => {
    const text = `${KEY.name}\n123\n${HASH}\nseen by 7\ntime ${TIME}\n`;
    expect(openCheckpoint(Buffer.from(signNote(text, KEY)), [KEY])).toMatchObject(HEAD);
  });

  it('have names that sort by position, then by time', () => {
    const later = '2026-11-21T10:00:00.001Z';
    const sorted = [
      checkpointName(GENESIS, later),
      checkpointName({ ...HEAD, position: 9 }, later),
      checkpointName({ ...HEAD, position: 10 }, TIME),
      checkpointName({ ...HEAD, position: 10 }, later),
      checkpointName({ ...HEAD, position: Number.MAX_SAFE_INTEGER }, TIME),
    ];
    expect(sorted[2]).toBe('0000000000000010-20261121T100000000Z.txt');
    expect(sorted.toReversed().sort()).toEqual(sorted);
  });

  it.each([
    ['the origin of another log', `other.example\n123\n${HASH}\ntime ${TIME}\n`, /other\.example/],
    ['a position with a zero before', `${KEY.name}\n0123\n${HASH}\ntime ${TIME}\n`, /position/],
    ['a negative position', `${KEY.name}\n-1\n${HASH}\ntime ${TIME}\n`, /position/],
    ['a position beyond all', `${KEY.name}\n9007199254740992\n${HASH}\ntime ${TIME}\n`, /position/],
    ['a short hash', `${KEY.name}\n123\n${HASH.slice(4)}\ntime ${TIME}\n`, /hash/],
    ['a hash in hex', `${KEY.name}\n123\n${HEAD.hash}\ntime ${TIME}\n`, /hash/],
    ['no time', `${KEY.name}\n123\n${HASH}\n`, /time/],
    ['a time that is none', `${KEY.name}\n123\n${HASH}\ntime 2026-13-41T10:00:00.000Z\n`, /time/],
    ['the origin alone', `${KEY.name}\n`, /position/],
  ])('are refused with %s, signed or not', (_what, text, message) => {
    const note = Buffer.from(signNote(text, KEY));
    expect(() => openCheckpoint(note, [KEY])).toThrow(NoteRefused);
    expect(() => openCheckpoint(note, [KEY])).toThrow(message);
  });

  it('are no checkpoints of a log by the signature of a witness alone', () => {
    const witness = signerKey('witness.example', Buffer.alloc(32, 8));
    const note = Buffer.from(signNote(SIGNED_BY_GO.split('\n\n')[0]! + '\n', witness));
    expect(() => openCheckpoint(note, [KEY, witness])).toThrow('signed it as "books.example/main"');
  });
});

describe('the key of checkpoints', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'checkpoint-key-'));
  });

  afterEach(() => rm(dataDir, { recursive: true }));

  const configOf = (env: Record<string, string> = {}) =>
    Config.load({ DATA_DIR: dataDir, ...env }).checkpoints;

  it('is made once, kept from others, and names the log', async () => {
    const config = configOf();
    expect(await readTrustedKeys(config)).toEqual([]);
    const keys = await Promise.all(Array.from({ length: 10 }, () => openSigningKey(config)));
    expect(new Set(keys.map((key) => key.text)).size).toBe(1);
    expect(keys[0]!.name).toMatch(/^truebook\/[\da-f]{8}$/);
    const file = join(dataDir, 'checkpoint-key');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(Buffer.from(await readFile(file, 'utf8'), 'base64')).toHaveLength(32);
    expect((await readTrustedKeys(config)).map((key) => key.text)).toEqual([keys[0]!.text]);
  });

  it('is the one that is set, under the name that is set', async () => {
    const env = { CHECKPOINT_KEY: SEED.toString('hex'), CHECKPOINT_ORIGIN: KEY.name };
    expect((await openSigningKey(configOf(env))).text).toBe(KEY.text);
    const unnamed = configOf({ CHECKPOINT_KEY: SEED.toString('base64') });
    expect((await openSigningKey(unnamed)).name).toBe('truebook/fe812c12');
    await expect(stat(join(dataDir, 'checkpoint-key'))).rejects.toThrow('ENOENT');
  });

  it('is not replaced where its file is of no use', async () => {
    await writeFile(join(dataDir, 'checkpoint-key'), 'short\n');
    await expect(openSigningKey(configOf())).rejects.toThrow('holds no key of 32 bytes');
    await expect(readTrustedKeys(configOf())).rejects.toThrow('holds no key of 32 bytes');
  });

  it('is not believed where others are named', async () => {
    await openSigningKey(configOf());
    const other = signerKey('other.example', Buffer.alloc(32, 8));
    const config = configOf({ CHECKPOINT_PUBLIC_KEYS: `${KEY.text}, ${other.text}` });
    expect((await readTrustedKeys(config)).map((key) => key.text)).toEqual([KEY.text, other.text]);
    const wrong = configOf({ CHECKPOINT_PUBLIC_KEYS: KEY.text.replace('3245c9d2', '3245c9d3') });
    await expect(readTrustedKeys(wrong)).rejects.toThrow('does not fit its id');
  });
});

describe('the place of checkpoints', () => {
  it('is where the configuration says', () => {
    const s3 = {
      ...{ S3_ENDPOINT: 'http://127.0.0.1:1', S3_BUCKET: 'books' },
      ...{ S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'key' },
    };
    const locationOf = (env: Record<string, string>, directory?: string) =>
      openCheckpointStore(Config.load({ DATA_DIR: '/srv', ...env }).checkpoints, directory)
        .location;
    expect(locationOf({})).toBe('/srv/checkpoints');
    expect(locationOf(s3)).toBe('s3://books/checkpoints');
    expect(locationOf({ ...s3, CHECKPOINTS_DIR: '/mnt/c' })).toBe('/mnt/c');
    expect(locationOf({ ...s3, CHECKPOINTS_DIR: '/mnt/c' }, '/mnt/d')).toBe('/mnt/d');
  });
});
