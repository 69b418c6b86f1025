import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestService } from './harness/service';
import { PROJECT } from './source-files';

/** What a shell is to do, as a document shows it. */
interface Example {
  readonly script: string;
  /** What its comments say that is printed: the beginning of a field, in quotes. */
  readonly prints: readonly string[];
}

const API = /^API=.*$/m;

/** The blocks of a document that call the API, in order. */
async function examplesOf(document: string): Promise<Example[]> {
  const text = await readFile(join(PROJECT, document), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, script]) => script!);
  return blocks
    .filter((script) => /^(curl|post|get) /m.test(script))
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
  it.each([
    ['README.md', 1],
    ['src/books/README.md', 4],
  ])('%s run as they are written, and print what they say', async (document, least) => {
    const { url, key, dataDir } = await startTestService();
    await mkdir(join(dataDir, '.data'));
    await writeFile(join(dataDir, '.data', 'admin-key'), `${key}\n`);
    const examples = await examplesOf(document);
    expect(examples.length).toBeGreaterThanOrEqual(least);
    const printed = await run(examples, url, dataDir);
    for (const [i, { prints }] of examples.entries()) {
      for (const what of prints) expect(printed[i]).toContain(what);
    }
    expect(examples.flatMap(({ prints }) => prints).length).toBeGreaterThanOrEqual(least);
  });
});
