import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Document, documents } from './documents';
import { runScript } from './harness/script';
import { startTestService } from './harness/service';

/** What a shell is to do, as a document shows it. */
interface Example {
  readonly script: string;
  /** What its comments say that is printed: the beginning of a field, in quotes. */
  readonly prints: readonly string[];
}

const API = /^API=.*$/m;
/** A line that calls the API, be it for what another line needs of the answer. */
const CALL = /(^|\$\()(curl|post|get|patch) /m;
/** A line that runs a script of the project or goes on with that, or says where the ledger is. */
const SCRIPT = /^( *$| {2,}\S|(\w+=\S+ )?npm |export )/;

/** The documents whose blocks are run, in order. */
const RUN = ['README.md', 'src/books/README.md'];

/** The blocks of a document for a shell, in order. */
function blocksOf({ lines }: Pick<Document, 'lines'>): string[] {
  const blocks = lines.join('\n').matchAll(/^( *)```sh\n([^]*?)^\1```$/gm);
  return [...blocks].map(([, indent = '', script = '']) => {
    return script.replace(new RegExp(`^${indent}`, 'gm'), '');
  });
}

/** Those that call the API. */
function examplesOf(document: string): Example[] {
  return blocksOf(new Document(document))
    .filter((script) => CALL.test(script))
    .map((script) => ({ script, prints: [...script.matchAll(/# (".*)$/gm)].map(([, it]) => it!) }));
}

/**
 * Runs examples one after the other in one shell, with the service's address in place of the one
 * that the document has. An answer of 400 and above ends it.
 * @returns what each printed
 */
async function run(examples: readonly Example[], url: string, folder: string): Promise<string[]> {
  const mark = '=== end of an example ===';
  const scripts = examples.map(({ script }) => script.replace(API, `API=${url}/v1`));
  const text = [
    'set -euo pipefail',
    'curl() { command curl --fail-with-body "$@"; }',
    ...scripts.flatMap((script) => [script, `printf '\\n${mark}\\n'`]),
  ].join('\n');
  const { stdout } = await promisify(execFile)('bash', ['-c', text], { cwd: folder });
  return stdout.split(mark).slice(0, examples.length);
}

describe('the examples of', () => {
  it('all documents call the API where they are run, or only run scripts', () => {
    const unknown = documents().flatMap((document) =>
      blocksOf(document)
        .filter((script) => !(CALL.test(script) && RUN.includes(document.path)))
        .flatMap((script) => script.trimEnd().split('\n'))
        .filter((line) => !SCRIPT.test(line))
        .map((line) => `${document.path}: ${line}`),
    );
    expect(unknown).toEqual([]);
  });

  it.each(RUN)('%s run as they are written, and print what they say', async (document) => {
    const { url, key, dataDir } = await startTestService();
    await mkdir(join(dataDir, '.data'));
    await writeFile(join(dataDir, '.data', 'admin-key'), `${key}\n`);
    const examples = examplesOf(document);
    expect(examples.length).toBeGreaterThan(0);
    const printed = await run(examples, url, dataDir);
    for (const [i, { prints }] of examples.entries()) {
      for (const what of prints) expect(printed[i]).toContain(what);
      // Whoever calls wants to see something of it, but for the accounts to begin with.
      if (i > 0) expect(prints).not.toEqual([]);
    }
  });

  it('an import of a file run as they are written', async () => {
    const { dataDir, databases } = await startTestService();
    const [block] = blocksOf(new Document('src/books/README.md')).filter((script) =>
      script.startsWith('npm run import -- '),
    );
    const [file, ...options] = block!.replace('npm run import -- ', '').split(/[\s\\]+/);
    const rows = ['date,account_id,amount,kind', '2025-01-02,anna,100.00,deposit'];
    rows.push('2025-01-31,anna,0.35,interest_credited', '2025-01-31,anna,-2.00,statement_fee');
    const path = join(dataDir, file!);
    await writeFile(path, `${rows.join('\n')}\n`);
    const args = [path, ...options.filter((option) => option !== '')];
    const { end, stdout, stderr } = await runScript('import', args, databases.urls);
    expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
    expect(stdout).toContain('3 rows: 3 posted');
  });
});
