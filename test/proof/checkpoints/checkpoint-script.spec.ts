import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from '@20minutes/s3rver';
import { openCheckpoint } from '../../../src/proof/checkpoints/checkpoint';
import { parseVerifierKey } from '../../../src/proof/checkpoints/signed-note';
import { verifyCheckpointsOf } from '../../../src/proof/checkpoints/verify-checkpoints';
import { Config } from '../../../src/config';
import { openAccount } from '../../harness/books';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { runScript } from '../../harness/script';
import { cutLog } from './tampered-log';

const NO_DATABASE = {
  log: 'postgresql://nobody@127.0.0.1:1/x',
  state: 'postgresql://nobody@127.0.0.1:1/y',
};
const BUCKET = 'books';

let dataDir: string;
let ledger: TestLedger;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'checkpoint-script-'));
});

afterEach(() => rm(dataDir, { recursive: true }));

function run(args: readonly string[], env: Record<string, string> = {}) {
  const urls = ledger.databases.urls;
  return runScript('checkpoint', args, urls, { DATA_DIR: dataDir, ...env });
}

function verify(env: Record<string, string> = {}, directory?: string) {
  const config = Config.load({ DATA_DIR: dataDir, ...env }).checkpoints;
  return verifyCheckpointsOf({ config, directory, log: ledger.open.logReader });
}

describe('npm run checkpoint', () => {
  it('writes a checkpoint that the public key verifies, once for each head', async () => {
    ledger = await startTestLedger();
    await openAccount(ledger);
    const key = await run(['--public-key']);
    expect(key).toMatchObject({ end: 0, stderr: '' });
    const plain = await run([]);
    expect(plain).toMatchObject({ end: 0, stderr: '' });
    const [, file] = /^Wrote checkpoint (\S+): position 1, hash [\da-f]{64}\.\n$/.exec(
      plain.stdout,
    )!;
    const trusted = parseVerifierKey(key.stdout.trim());
    expect(openCheckpoint(await readFile(file!), [trusted])).toMatchObject({
      ...{ origin: trusted.name, position: 1 },
    });
    const again = await run(['--json']);
    expect(again).toMatchObject({ end: 0, stderr: '' });
    expect(JSON.parse(again.stdout)).toMatchObject({
      ...{ position: 1, origin: trusted.name, location: file, isNew: false },
    });
    expect(await readdir(join(dataDir, 'checkpoints'))).toHaveLength(1);
    expect(await verify()).toMatchObject({ read: 1, agreed: 1, problems: [], log: [] });
  });

  it('writes to the directory that it is given, and signs no log that was cut short', async () => {
    ledger = await startTestLedger();
    for (let i = 0; i < 3; i++) await openAccount(ledger);
    const directory = join(dataDir, 'a directory');
    expect(await run(['--dir', directory])).toMatchObject({ end: 0, stderr: '' });
    expect(await readdir(directory)).toHaveLength(1);
    await cutLog(ledger.databases, 2);
    const { end, stdout, stderr } = await run(['--dir', directory]);
    expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
    expect(stderr).toMatch(/^The log has no event at position 3, .*nothing was signed.*\n$/);
    expect(stderr).toContain(`npm run verify -- --checkpoints ${directory}`);
    expect((await verify({}, directory)).log).toMatchObject([{ kind: 'log_cut_short' }]);
  });

  it('writes to object storage where there is one', async () => {
    ledger = await startTestLedger();
    const server = new S3rver({
      ...{ address: '127.0.0.1', port: 0, directory: dataDir, silent: true, vhostBuckets: false },
      ...{ allowMismatchedSignatures: true, configureBuckets: [{ name: BUCKET }] },
    });
    const { port } = await server.run();
    const env = {
      ...{ S3_ENDPOINT: `http://127.0.0.1:${port}`, S3_BUCKET: BUCKET },
      ...{ S3_ACCESS_KEY_ID: 'S3RVER', S3_SECRET_ACCESS_KEY: 'S3RVER' },
    };
    for (let position = 1; position <= 2; position++) {
      await openAccount(ledger);
      const { end, stdout, stderr } = await run([], env);
      expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
      expect(stdout).toContain(`Wrote checkpoint s3://${BUCKET}/checkpoints/000000000000000`);
    }
    expect((await run([], env)).stdout).toContain('The log has nothing new since checkpoint s3:');
    expect(await readdir(dataDir)).toEqual([BUCKET, 'checkpoint-key']);
    expect(await verify(env)).toMatchObject({ read: 2, agreed: 2, problems: [], log: [] });
    await cutLog(ledger.databases, 1);
    expect(await verify(env)).toMatchObject({ agreed: 1, log: [{ kind: 'log_cut_short' }] });
    await server.close();
    await expect(verify(env)).rejects.toThrow('The object store could not be reached');
    expect(await run([], env)).toMatchObject({
      ...{ end: 1, stdout: '' },
      stderr: expect.stringMatching(
        /^The checkpoints at s3:\/\/books\/checkpoints are out of reach: .*: ECONNREFUSED\n$/,
      ) as string,
    });
  });

  it('says in one sentence what is wrong', async () => {
    ledger = await startTestLedger();
    const failure = async (
      args: string[],
      env: Record<string, string> = {},
      urls = ledger.databases.urls,
    ) => {
      const given = { DATA_DIR: dataDir, ...env };
      const { end, stdout, stderr } = await runScript('checkpoint', args, urls, given);
      expect({ end, stdout }).toEqual({ end: 1, stdout: '' });
      return stderr;
    };
    expect(await failure(['--nonsense'])).toMatch(/^Unknown option '--nonsense'.*\n$/);
    expect(await failure([], {}, NO_DATABASE)).toMatch(/^A database cannot be reached: .*\n$/);
    expect(await failure([], { CHECKPOINTS_DIR: '/dev/null/x' })).toBe(
      'The checkpoints at /dev/null/x are out of reach: The folder could not be read: ENOTDIR\n',
    );
    expect(await failure([], { CHECKPOINT_KEY: 'hunter2' })).not.toContain('hunter2');
  });
});
