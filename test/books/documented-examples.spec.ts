import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestService } from '../harness/service';
import { PROJECT } from '../source-files';

const run = promisify(execFile);

/** The examples of a document that call the API, by the heading that they stand below. */
function examplesOf(document: string): [string, string][] {
  const text = readFileSync(join(PROJECT, document), 'utf8');
  return text.split(/^## /m).flatMap((section) => {
    const heading = section.slice(0, section.indexOf('\n'));
    const blocks = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1]!);
    return blocks.filter((b) => b.includes('curl ')).map((b): [string, string] => [heading, b]);
  });
}

/** What the comments behind the calls say of the answers, in order. */
function expectedIn(example: string): string[] {
  return [...example.matchAll(/ {2,}# (.*)$/gm)].map((match) => match[1]!);
}

const EXAMPLES = examplesOf('src/books/README.md');

describe('the examples of the books', () => {
  it('are found', () => expect(EXAMPLES.length).toBeGreaterThan(0));

  it.each(EXAMPLES)('run as they are written: %s', async (_, example) => {
    const service = await startTestService();
    // A refusal ends the example; the shell and curl are what a reader has.
    writeFileSync(join(service.dataDir, '.curlrc'), 'fail-with-body\nshow-error\n');
    const env = { PATH: process.env['PATH']!, CURL_HOME: service.dataDir };
    const { stdout } = await run('bash', ['-euc', example], {
      env: { ...env, KEY: service.key, API: `${service.url}/v1` },
    });
    const expected = expectedIn(example);
    expect(expected.length).toBeGreaterThan(0);
    let rest = stdout;
    for (const part of expected) {
      expect(rest).toContain(part);
      rest = rest.slice(rest.indexOf(part) + part.length);
    }
  });
});
