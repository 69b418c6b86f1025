import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { databaseUrl, query, testCluster } from '../harness/cluster';
import { ownClusterFolder } from '../harness/own-cluster';
import { startTestLedger } from '../harness/ledger';
import { runScript } from '../harness/script';

const HEADER = 'transaction_id,date,account_id,kind,amount';
const ROW = '1,1993-01-01,5,deposit,1.00';
const FLAGS = ['--currency', 'CZK', '--create-accounts', '--counter', 'tpyo:asset'];

async function fileOf(...lines: string[]): Promise<string> {
  const file = join(await ownClusterFolder(), 'bank.csv');
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

describe('the ledger that a script opens', () => {
  it('is there already, unless the script is told to make one', async () => {
    const dataDir = join(await ownClusterFolder(), 'data');
    await mkdir(dataDir);
    const file = await fileOf(HEADER, ROW);
    const env = { DATA_DIR: dataDir };
    const said = expect.stringMatching(/^There is no ledger in /) as string;
    const none = { end: 1, ledger: '', stderr: said };
    expect(await runScript('import', [file, ...FLAGS], undefined, env)).toMatchObject(none);
    expect(await runScript('verify', [], undefined, env)).toMatchObject(none);
    expect(await readdir(dataDir)).toEqual([]);
    const made = await runScript('import', [file, ...FLAGS, '--new'], undefined, env);
    expect(made).toMatchObject({ end: 0, ledger: dataDir, stderr: '' });
    const again = await runScript('import', [file, ...FLAGS], undefined, env);
    expect(again).toMatchObject({ end: 0, ledger: dataDir, stderr: '' });
    expect(again.stdout).toContain('1 already there');
  });

  it('is not made in databases that have none', async () => {
    const { superUrl, ownerUrl } = testCluster();
    const names = ['log', 'state'].map((kind) => `empty_${process.pid}_${kind}`);
    for (const name of names) await query(superUrl, `create database ${name} owner truebook_owner`);
    const [log, state] = names.map((name) => databaseUrl(ownerUrl, name));
    const urls = { log: log!, state: state! };
    const { end, stderr } = await runScript('verify', [], urls);
    expect(end).toBe(1);
    expect(stderr).toContain(`There is no ledger in`);
    expect(stderr).toContain(`/${names[0]} and`);
    expect(stderr).not.toContain(new URL(log!).password);
    expect(await query(log!, "select from pg_namespace where nspname = 'state'")).toEqual([]);
    expect(await query(log!, 'select from pg_tables where schemaname = $1', ['public'])).toEqual(
      [],
    );
  });
});

describe('an import that fails', () => {
  it('leaves no account behind', async () => {
    const ledger = await startTestLedger();
    const { urls } = ledger.databases;
    const headless = await fileOf('id,date,amount', ROW);
    expect((await runScript('import', [headless, ...FLAGS], urls)).end).toBe(1);
    const refused = await fileOf(HEADER, '1,soon,5,deposit,1.00');
    expect((await runScript('import', [refused, ...FLAGS], urls)).end).toBe(2);
    expect(await query(urls.state, 'select from accounts')).toEqual([]);
    const dataDir = join(await ownClusterFolder(), 'data');
    const env = { DATA_DIR: dataDir };
    const failed = await runScript('import', [headless, ...FLAGS, '--new'], undefined, env);
    expect(failed.end).toBe(1);
    await expect(readdir(dataDir)).rejects.toThrow('ENOENT');
  });
});
