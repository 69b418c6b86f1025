import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { query, testCluster } from '../../harness/cluster';
import { type TestDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { startTestLedger } from '../../harness/ledger';
import { compiledProgram } from '../../harness/program';
import { runScript, startScript } from '../../harness/script';
import { seededRandom } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { mixedBooks } from './mixed-books';

const run = promisify(execFile);
const PROJECT = resolve(__dirname, '../../..');
const MATERIALIZERS = join('src', 'books', 'transactions', 'transaction.materializers.js');

async function someBooks(): Promise<TestDatabases> {
  const ledger = await startTestLedger();
  await mixedBooks(ledger, seededRandom(), 400);
  await ledger.close();
  return ledger.databases;
}

/** A checkout of this program, built already: its set-up finds nothing to do. */
async function release(change?: (code: string) => string): Promise<string> {
  const folder = await mkdtemp(join(testCluster().runDir, 'release-'));
  const program = await compiledProgram();
  await cp(program, join(folder, 'dist'), {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  await mkdir(join(folder, 'scripts'));
  await writeFile(join(folder, 'scripts', 'setup.mjs'), '');
  await writeFile(join(folder, 'scripts', 'rebuild.ts'), '');
  await cp(join(PROJECT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  if (change) {
    const file = join(folder, 'dist', MATERIALIZERS);
    const code = await readFile(file, 'utf8');
    expect(change(code)).not.toBe(code);
    await writeFile(file, change(code));
  }
  return folder;
}

/** Databases may be made by the superuser only. */
function against(databases: TestDatabases, ...args: string[]) {
  return runScript('verify', ['--against', ...args], databases.superUrls);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** No database is left behind, and the live ones are as they were. */
async function expectNoTrace(databases: TestDatabases, before: Map<string, string[]>) {
  expect(await dumpState(databases.urls.state)).toEqual(before);
  const left = await query(
    testCluster().superUrl,
    `select datname from pg_database where datname ~ '^truebook_(own|released|log|state)_'`,
  );
  expect(left).toEqual([]);
}

describe('npm run verify -- --against', () => {
  it('finds nothing where the code makes the same of the history', async () => {
    const databases = await someBooks();
    const before = await dumpState(databases.urls.state);
    const { end, stdout, stderr } = await against(databases, await release());
    expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
    expect(stdout).toMatch(/^The same state and the same tasks: \d+ events/);
    await expectNoTrace(databases, before);
  });

  it('prints the difference in rows, from a live log and from an exported one', async () => {
    const databases = await someBooks();
    const before = await dumpState(databases.urls.state);
    const [{ position }] = (await query<{ position: number }>(
      databases.urls.log,
      `select position from event_log where type = 'TransactionPosted' order by position offset 50
       limit 1`,
    )) as [{ position: number }];
    const old = await release((code) =>
      code.replace('ordinal,', `ordinal: position === ${position} ? ordinal + 10 : ordinal,`),
    );
    const file = join(testCluster().runDir, `${position}-${process.pid}.log.gz`);
    expect((await runScript('export-log', [file], databases.superUrls)).end).toBe(0);
    for (const args of [[old], [old, '--log', file]]) {
      const { end, stdout } = await against(databases, ...args);
      expect(end).toBe(3);
      const [entries] = await query<{ rows: number }>(
        databases.urls.state,
        'select count(*) as rows from state.entries where position = $1',
        [position],
      );
      const { rows } = entries!;
      expect(stdout).toContain(
        `entries: ${rows} rows more, ${rows} fewer, 0 changed, from position ${position} on`,
      );
      expect(stdout).not.toContain('transactions:');
    }
    await expectNoTrace(databases, before);
  });

  it('ends with 4 where the released code cannot materialize an event', async () => {
    const databases = await someBooks();
    const doomed = await release((code) =>
      code.replace(
        'const accountNos',
        `if (position > 60) throw new Error('no'); const accountNos`,
      ),
    );
    const { end, stdout } = await against(databases, doomed, '--json');
    expect(end).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ released: { doom: { error: 'no' } } });
  });

  it('drops its databases also where it is interrupted', async () => {
    const databases = await someBooks();
    const before = await dumpState(databases.urls.state);
    const slow = await release();
    const pidFile = join(slow, 'pid');
    await writeFile(
      join(slow, 'dist', 'scripts', 'rebuild.js'),
      `require('fs').writeFileSync('pid', String(process.pid)); setInterval(() => undefined, 1e6);`,
    );
    const { child, ended } = await startScript('verify', ['--against', slow], databases.superUrls);
    const pid = await waitFor('the released code to be asked', () =>
      readFile(pidFile, 'utf8').then(
        (text) => Number(text) || undefined,
        () => undefined,
      ),
    );
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ end: 130, stdout: '', stderr: '' });
    await waitFor('the released code to be gone', () => !isRunning(pid));
    await expectNoTrace(databases, before);
  });

  it('refuses what is no release, in one sentence', async () => {
    const databases = await someBooks();
    const nowhere = await against(databases, 'no-such-ref');
    expect(nowhere).toMatchObject({ end: 1, stdout: '' });
    expect(nowhere.stderr).toMatch(/^"no-such-ref" is neither a folder .*\n$/);
    const old = await release();
    await run('rm', [join(old, 'scripts', 'rebuild.ts')]);
    const older = await against(databases, old);
    expect(older.stderr).toMatch(/is older than this check/);
    const { stderr } = await against(databases, old, '--log', '/nowhere');
    expect(stderr).toBe('There is no file /nowhere\n');
  });
});
