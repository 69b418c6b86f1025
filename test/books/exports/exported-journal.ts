import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrialBalanceDto } from '../../../src/books/reports/trial-balance.dto';
import { testCluster } from '../../harness/cluster';
import { balancesBy, type JournalProgram } from '../../harness/journal-programs';
import type { TestService } from '../../harness/service';

/** A journal as the API answers with it. */
export async function exported(
  { url, api }: Pick<TestService, 'url' | 'api'>,
  query: string,
): Promise<{ status: number; headers: Headers; text: string }> {
  const answer = await fetch(`${url}/v1/exports/journal?${query}`, { headers: api.authorization });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** A file with a journal. */
export async function journalFile(program: JournalProgram, text: string): Promise<string> {
  const folder = await mkdtemp(join(testCluster().runDir, 'journal-'));
  const file = join(folder, `books.${program}`);
  await writeFile(file, text);
  return file;
}

/** The paths of accounts by their ids, as the journal declares them. */
function declaredPaths(program: JournalProgram, text: string): Map<string, string> {
  const declaration =
    program === 'beancount'
      ? /^\d{4}-\d\d-\d\d open (\S+) \S+\n {2}id: "([^"]*)"$/gm
      : /^account (.*)\n {4}; id: (.*)$/gm;
  return new Map([...text.matchAll(declaration)].map(([, path, id]) => [id!, path!]));
}

/**
 * That a program accepts a journal, and finds in it what the trial balance says.
 * @param dates of the trial balance, as its query has them
 */
export async function expectSameBalances(
  service: TestService,
  program: JournalProgram,
  text: string,
  dates: string,
): Promise<void> {
  const { status, body } = await service.api.get<TrialBalanceDto>(
    `/v1/reports/trial-balance?${dates}`,
  );
  expect(status).toBe(200);
  const found = await balancesBy(program, await journalFile(program, text));
  const paths = declaredPaths(program, text);
  const expected: [string, string, string][] = [];
  let accounts = 0;
  for (const { currency, rows } of body.currencies) {
    for (const { accountId, debit, credit } of rows) {
      accounts++;
      const net = /[1-9]/.test(credit) ? `-${credit}` : debit;
      if (/[1-9]/.test(net)) expected.push([paths.get(accountId)!, currency, net]);
    }
  }
  expect(paths.size).toBe(accounts);
  const sums = [...found].flatMap(([path, amounts]) =>
    [...amounts].map(([currency, amount]) => [path, currency.replace(/^X\./, ''), amount]),
  );
  const some = sums.filter(([, , amount]) => /[1-9]/.test(amount!));
  expect(some.sort()).toEqual(expected.sort());
  expect(some.length).toBeGreaterThan(0);
}
