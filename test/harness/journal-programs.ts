import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';

export const JOURNAL_PROGRAMS = ['hledger', 'ledger', 'beancount'] as const;
export type JournalProgram = (typeof JOURNAL_PROGRAMS)[number];

/** What accounts have, debits less credits, by path and currency, as the program calls them. */
export type JournalBalances = ReadonlyMap<string, ReadonlyMap<string, string>>;

type Balance = readonly [path: string, currency: string, amount: string];

/** With their own library, whose numbers have as many digits as a program of one's own wants. */
const BEANCOUNT_BALANCES = `
import decimal, json, sys
decimal.getcontext().prec = 100
from beancount import loader
from beancount.core import data
entries, errors, options = loader.load_file(sys.argv[1])
assert not errors, errors
sums = {}
for entry in entries:
    if isinstance(entry, data.Transaction):
        for posting in entry.postings:
            key = (posting.account, posting.units.currency)
            sums[key] = sums.get(key, decimal.Decimal(0)) + posting.units.number
print(json.dumps([[path, currency, format(sum, 'f')] for (path, currency), sum in sums.items()]))
`;

/**
 * Has a program judge a journal as strictly as it can, and say what the accounts have; those that
 * have nothing may be missing.
 * @throws Error with what the program says where it does not accept the journal
 */
export async function balancesBy(program: JournalProgram, file: string): Promise<JournalBalances> {
  const balances = new Map<string, Map<string, string>>();
  for (const [path, currency, amount] of await readers[program](file)) {
    const known = balances.get(path) ?? new Map<string, string>();
    balances.set(path, known.set(currency, amount));
  }
  return balances;
}

const readers: Readonly<Record<JournalProgram, (file: string) => Promise<Balance[]>>> = {
  hledger: async (file) => {
    await run('hledger', '-f', file, 'check', '-s');
    const args = ['-f', file, 'balance', '--flat', '-N', '--layout=bare', '-O', 'csv'];
    const [, ...rows] = parse(await run('hledger', ...args)) as [string, string, string][];
    return rows;
  },

  ledger: async (file) => {
    const args = ['-f', file, '--strict', '--pedantic', 'balance', '--flat', '--no-total'];
    const text = await run('ledger', ...args);
    // An account stands behind the last of its amounts.
    const balances: Balance[] = [];
    let amounts: (readonly [string, string])[] = [];
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const [, amount, quoted, path] = /^ *(-?[\d.]+) ("?[A-Z\d]+"?)(?:  (.*))?$/.exec(line)!;
      amounts.push([quoted!.replaceAll('"', ''), amount!]);
      if (path === undefined) continue;
      balances.push(...amounts.map(([currency, sum]) => [path, currency, sum] as const));
      amounts = [];
    }
    return balances;
  },

  beancount: async (file) => {
    await run('bean-check', file);
    return JSON.parse(await python(BEANCOUNT_BALANCES, file)) as Balance[];
  },
};

const LEDGER_NOTES = '=== %(payee)\\n%(note)\\n';

/** What a journal says of transactions besides their postings, by their ids. */
export interface JournalNotes {
  readonly descriptions: ReadonlyMap<string, string>;
  readonly tags: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** What is no tag of its own, but JSON. */
  readonly json: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** A transaction as a program has read it: its description, and its tags in their order. */
type Read = readonly [description: string, tags: readonly (readonly [string, string])[]];

const BEANCOUNT_NOTES = `
import json, sys
from beancount import loader
from beancount.core import data
entries, errors, options = loader.load_file(sys.argv[1])
read = [[e.narration, [[k, str(v)] for k, v in e.meta.items() if k not in ('filename', 'lineno')]]
        for e in entries if isinstance(e, data.Transaction)]
print(json.dumps(read))
`;

/** Has a program read a journal, and say what it has read of texts. */
export async function notesBy(program: JournalProgram, file: string): Promise<JournalNotes> {
  const descriptions = new Map<string, string>();
  const tags = new Map<string, Record<string, string>>();
  const json = new Map<string, Record<string, string>>();
  for (const [description, read] of await noteReaders[program](file)) {
    const own = read.filter(([key]) => !['metadata', 'description'].includes(key));
    const id = own.find(([key]) => key === 'id')![1];
    const valuesOf = (name: string) =>
      read.filter(([key]) => key === name).map(([, value]) => JSON.parse(value) as unknown);
    descriptions.set(id, valuesOf('description').join('') || description);
    tags.set(id, Object.fromEntries(own));
    json.set(id, Object.assign({}, ...valuesOf('metadata')) as Record<string, string>);
  }
  return { descriptions, tags, json };
}

const noteReaders: Readonly<Record<JournalProgram, (file: string) => Promise<Read[]>>> = {
  hledger: async (file) => {
    const read = JSON.parse(await run('hledger', '-f', file, 'print', '-O', 'json')) as {
      tdescription: string;
      ttags: [string, string][];
    }[];
    return read.map(({ tdescription, ttags }) => [tdescription, ttags]);
  },

  ledger: async (file) => {
    // The same for each posting of a transaction: a line with the payee, and one for each tag.
    const text = await run('ledger', '-f', file, 'csv', '--csv-format', LEDGER_NOTES);
    return text
      .split(/^=== /m)
      .slice(1)
      .map((part) => {
        const [payee, ...lines] = part.split('\n');
        const tags = lines
          .filter((line) => line !== '')
          .map((line) => {
            const [, key, value] = /^ (\w+): (.*)$/.exec(line)!;
            return [key!, value!] as const;
          });
        return [payee!, tags];
      });
  },

  beancount: async (file) => JSON.parse(await python(BEANCOUNT_NOTES, file)) as Read[],
};

/** Runs a program for the Python that beancount was installed for. */
async function python(program: string, file: string): Promise<string> {
  const [, path] = /^#!\s*(\S+)/.exec(await readFile(programOf('bean-check'), 'utf8'))!;
  return run(path!, '-c', program, file);
}

/** @throws Error with what it says on standard error where it fails */
async function run(program: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const options = { maxBuffer: 1 << 30, env };
  const { stdout, stderr } = await promisify(execFile)(programOf(program), args, options);
  if (stderr !== '') throw new Error(`${program}: ${stderr}`);
  return stdout;
}

/** Where a program is: in PATH, or where Debian puts it. */
function programOf(name: string): string {
  if (name.startsWith('/')) return name;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  const program = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (program !== undefined) return program;
  throw new Error(
    `These tests have journals read by ${name} and do not find it: install it with ` +
      '"apt-get install hledger ledger beancount" (Debian, Ubuntu)',
  );
}
