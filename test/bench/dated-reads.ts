import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { readTotalsOn } from '../../src/books/accounts/dated-totals.queries';
import { readAccount } from '../../src/books/accounts/account.queries';
import { readBalanceSheet } from '../../src/books/reports/balance-sheet';
import { groupTree } from '../../src/books/reports/group-balances';
import { readGroupSums } from '../../src/books/reports/reported-accounts.queries';
import { readGeneralLedger } from '../../src/books/reports/general-ledger';
import { readStatementEnds, readStatementEntries } from '../../src/books/reports/statement';
import { readTrialBalance } from '../../src/books/reports/trial-balance.queries';
import type { StateDatabase } from '../../src/engine/define/state-table';
import type { OpenLedger } from '../../src/engine/open-ledger';
import type { Kysely } from 'kysely';
import { openAccounts } from './engine-load';
import { median, type Results } from './report';
import { searchReads } from './search-reads';

const ACTOR = 'bench';
const IN_FLIGHT = 512;
const ACCOUNTS = 1_000;
/** One transaction in so many is dated back, by up to a year. */
const LATE = 10;
/** Days that the transactions are spread over, until yesterday. */
const DAYS = 1_000;
const DAY_MS = 86_400_000;
const PAGE = 50;
/** One transaction in so many has a word that few have. */
const RARE = 5_000;

/** What is read how often. */
export interface NamedRead {
  readonly name: string;
  readonly samples: number;
  read(db: Kysely<StateDatabase>): Promise<unknown>;
}

/**
 * Reads by effective date in books of some sizes: of a busy account, which a third of all
 * transactions post to, and of all accounts.
 */
export async function measureDatedReads(
  open: OpenLedger,
  sizes: readonly number[],
  results: Results,
): Promise<void> {
  const accounts = await openAccounts(open, ACCOUNTS);
  let posted = 0;
  const most = sizes.at(-1)!;
  for (const size of sizes) {
    await post(open, accounts, posted, size, most);
    posted = size;
    const today = dayOf(size, most);
    const searched = { ...{ size, accounts, today }, middle: dayOf(Math.floor(size / 2), most) };
    const reads = [...readsOf(open, accounts[0]!, today), ...searchReads(open, searched)];
    for (const one of reads) {
      const { name, samples } = one;
      const times: number[] = [];
      // The first ones find nothing in memory.
      for (let i = -3; i < samples; i++) {
        const begin = performance.now();
        await open.stateReader.read((db) => one.read(db), { cost: 'expensive' });
        if (i >= 0) times.push(performance.now() - begin);
      }
      times.sort((a, b) => a - b);
      const p99 = times[Math.ceil(0.99 * times.length) - 1]!;
      results.add(`read.${name}.${size}`, median(times), 'ms', 'median');
      results.add(`read.${name}.${size}.p99`, p99, 'ms');
    }
  }
}

/** Posts until there are so many, the dates in order but for some. */
async function post(
  { ledger }: OpenLedger,
  accounts: readonly string[],
  from: number,
  until: number,
  most: number,
): Promise<void> {
  let at = from;
  const loop = async () => {
    while (at < until) {
      const i = at++;
      const back = i % LATE === 0 ? (1 + ((i * 7919) % 365)) * DAY_MS : 0;
      const input = {
        description: `Payment ${i}${i % RARE === 0 ? ' of the rare kind' : ''}`,
        effectiveDate: new Date(Date.parse(dayOf(i, most)) - back).toISOString().slice(0, 10),
        metadata: { invoice: `INV-${i}` },
        postings: [
          { accountId: i % 3 === 0 ? accounts[0]! : pick(accounts, i), amount: amountOf(i) },
          { accountId: pick(accounts, i * 31 + 1), amount: amountOf(i) },
        ].map((posting, n) => ({ ...posting, direction: n === 0 ? 'debit' : 'credit' }) as const),
      };
      const outcome = await ledger.submit({ creator: PostTransaction, actor: ACTOR, input });
      if (outcome.kind === 'refused') throw outcome.refusal;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
}

/** From 1.00 to 9,999.99. */
function amountOf(i: number): string {
  return `${1 + ((i * 7919) % 9_999)}.${10 + (i % 90)}`;
}

/** The day of a transaction, whatever part of all there is yet. */
function dayOf(i: number, most: number): string {
  const back = DAYS - Math.floor((i * (DAYS - 1)) / most);
  return new Date(Date.now() - back * DAY_MS).toISOString().slice(0, 10);
}

function pick(accounts: readonly string[], i: number): string {
  return accounts[1 + ((i * 7919) % (accounts.length - 1))]!;
}

function readsOf({ ledger }: OpenLedger, busy: string, today: string): NamedRead[] {
  const { position } = ledger.head;
  const someDay = () => {
    const back = Math.floor(Math.random() * 300) * DAY_MS;
    return new Date(Date.parse(today) - back).toISOString().slice(0, 10);
  };
  const known = () => Math.floor(position * (0.8 + 0.2 * Math.random()));
  const balance = async (db: Kysely<StateDatabase>, at?: number) => {
    const account = (await readAccount(db, busy, at))!;
    const of = { accountNo: account.account_no, position: at };
    return readTotalsOn(db, { ...of, dates: [someDay()] });
  };
  const statement = async (db: Kysely<StateDatabase>, isDeep: boolean) => {
    const of = { from: undefined, to: someDay(), position: undefined };
    const after = isDeep ? { date: someDay(), position, ordinal: 0, isLate: true } : undefined;
    const account = (await readAccount(db, busy))!;
    await readStatementEntries(db, account, of, after, PAGE);
    return readStatementEnds(db, [account], of);
  };
  const accountNo = Math.floor(ACCOUNTS / 2);
  const generalLedger = (db: Kysely<StateDatabase>, isDeep: boolean) => {
    const of = { from: someDay(), to: undefined, group: undefined, position: undefined };
    const after = isDeep ? { accountNo, entry: undefined } : undefined;
    return readGeneralLedger(db, of, after, PAGE);
  };
  const compare = { asOf: today, compareTo: someDay(), position: undefined };
  const groups = async (db: Kysely<StateDatabase>) =>
    groupTree(await readGroupSums(db, { asOf: someDay() }), {});
  return [
    { name: 'balance_by_date', samples: 100, read: (db) => balance(db) },
    { name: 'balance_by_both_dates', samples: 100, read: (db) => balance(db, known()) },
    { name: 'statement_first', samples: 100, read: (db) => statement(db, false) },
    { name: 'statement_deep', samples: 100, read: (db) => statement(db, true) },
    { name: 'ledger_first', samples: 100, read: (db) => generalLedger(db, false) },
    { name: 'ledger_deep', samples: 100, read: (db) => generalLedger(db, true) },
    { name: 'groups_1k_accounts', samples: 10, read: groups },
    {
      ...{ name: 'trial_balance_1k_accounts', samples: 10 },
      read: (db) => readTrialBalance(db, { asOf: someDay() }),
    },
    {
      ...{ name: 'balance_sheet_1k_accounts', samples: 10 },
      read: (db) => readBalanceSheet(db, compare),
    },
  ];
}
