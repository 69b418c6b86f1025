import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSecretSeal, SealError, SecretSeal } from './secret-seal';

const KEY = Buffer.alloc(32, 7);
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('SecretSeal', () => {
  const seal = new SecretSeal(KEY);

  it.each([SECRET, '', 'Zoë 🔑', 'x'.repeat(10_000)])('opens what it sealed', (plain) => {
    const sealed = seal.seal(plain);
    expect(sealed).toMatch(/^v1\.[\w-]+$/);
    expect(seal.open(sealed)).toBe(plain);
    if (plain !== '') expect(sealed).not.toContain(plain.slice(0, 10));
  });

  it('seals the same text to the same text, and others to others', () => {
    expect(new SecretSeal(KEY).seal(SECRET)).toBe(seal.seal(SECRET));
    const [one, other] = [seal.seal(SECRET), seal.seal(`${SECRET}x`)];
    // The vector differs from the first byte on, and so all that follows.
    expect(one.slice(0, 19)).not.toBe(other.slice(0, 19));
    expect(one.slice(40)).not.toBe(other.slice(40, one.length));
    expect(new SecretSeal(Buffer.alloc(32, 8)).seal(SECRET)).not.toBe(one);
  });

  it('stays as it was released, since the log is for ever', () => {
    const sealed = 'v1.SZaJD16z-vb2AoPZmqHOuSkHn3-rxnVszH4w8Adaq0Y-xg';
    expect(seal.seal('secret')).toBe(sealed);
    expect(seal.derive('label')).toBe('X3++3c+nuTD2lOjp0MHhmK9meDjo4namtW6rjIJTTSs=');
  });

  it('opens nothing that was changed, by a single bit', () => {
    const sealed = seal.seal(SECRET);
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i]! ^= 1;
      expect(() => seal.open(`v1.${changed.toString('base64url')}`)).toThrow(SealError);
    }
  });

  it.each(['', 'v1.', 'v1.AAAA', SECRET, 'v2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])(
    'opens nothing else: %j',
    (text) => {
      expect(() => seal.open(text)).toThrow(SealError);
    },
  );

  it('opens nothing of another key, and does not repeat it', () => {
    const sealed = seal.seal(SECRET);
    const other = new SecretSeal(Buffer.alloc(32, 8));
    expect(() => other.open(sealed)).toThrow('The secret was sealed with another key');
  });

  it('derives a secret of 32 bytes from a label and the key alone', () => {
    const derived = seal.derive('webhook:1:1');
    expect(Buffer.from(derived, 'base64')).toHaveLength(32);
    expect(new SecretSeal(KEY).derive('webhook:1:1')).toBe(derived);
    expect(seal.derive('webhook:1:2')).not.toBe(derived);
    expect(new SecretSeal(Buffer.alloc(32, 8)).derive('webhook:1:1')).not.toBe(derived);
  });

  it('wants a key of 32 bytes', () => {
    expect(() => new SecretSeal(Buffer.alloc(31))).toThrow('32 bytes');
  });
});

describe('the key of the data directory', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'seal-'));
  });

  afterEach(() => rm(dataDir, { recursive: true }));

  it('is made once, by one of many that start at once, and for its owner alone', async () => {
    const folder = join(dataDir, 'new');
    const seals = await Promise.all(
      Array.from({ length: 40 }, () => openSecretSeal(folder, undefined)),
    );
    seals.push(await openSecretSeal(folder, undefined));
    expect(new Set(seals.map((seal) => seal.seal(SECRET))).size).toBe(1);
    expect(await readdir(folder)).toEqual(['secrets-key']);
    expect((await stat(join(folder, 'secrets-key'))).mode & 0o777).toBe(0o600);
  });

  it('is another one elsewhere', async () => {
    const [one, other] = [join(dataDir, 'one'), join(dataDir, 'other')];
    const seals = [await openSecretSeal(one, undefined), await openSecretSeal(other, undefined)];
    expect(seals[0]!.seal(SECRET)).not.toBe(seals[1]!.seal(SECRET));
  });

  it('is not made where one is set', async () => {
    const seal = await openSecretSeal(dataDir, KEY);
    expect(seal.seal(SECRET)).toBe(new SecretSeal(KEY).seal(SECRET));
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('is never replaced, even where it is of no use', async () => {
    const file = join(dataDir, 'secrets-key');
    await writeFile(file, 'too short\n');
    await expect(openSecretSeal(dataDir, undefined)).rejects.toThrow('holds no key of 32 bytes');
    expect(await readFile(file, 'utf8')).toBe('too short\n');
  });
});
