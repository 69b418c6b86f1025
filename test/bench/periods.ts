import type { AccountTables } from '../../src/books/accounts/account.table';
import { ClosePeriod } from '../../src/books/periods/period.creators';
import type { PeriodTables } from '../../src/books/periods/period.table';
import { recomputeSeals } from '../../src/books/periods/seal.queries';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import type { OpenLedger } from '../../src/engine/open-ledger';
import type { Kysely } from 'kysely';
import { accepted, ACCOUNTS_PER_DEPOSIT, OPEN_IN_FLIGHT, openAccount } from './interest';

const ACTOR = 'bench';
/** The day that is closed, and one after it. */
const [THROUGH, LATER] = ['2026-02-01', '2026-02-02'];

export interface PeriodLoad {
  /** Income accounts, all of which are carried to equity. */
  readonly accounts: number;
  readonly closeSeconds: number;
  /** Computing the seal again, as a verification does. */
  readonly checkSeconds: number;
}

/** Closes books with many income accounts, each of which has entries before and after the day. */
export async function measurePeriods(open: OpenLedger, accounts: number): Promise<PeriodLoad> {
  const { ledger } = open;
  const cash = await openAccount(ledger, 'asset', 'Cash');
  const equity = await openAccount(ledger, 'equity', 'Retained earnings');
  const ids: string[] = [];
  while (ids.length < accounts) {
    const length = Math.min(OPEN_IN_FLIGHT, accounts - ids.length);
    const opened = Array.from({ length }, () => openAccount(ledger, 'income', 'Sales'));
    ids.push(...(await Promise.all(opened)));
  }
  for (const effectiveDate of [THROUGH, LATER]) {
    for (let at = 0; at < ids.length; at += ACCOUNTS_PER_DEPOSIT) {
      const slice = ids.slice(at, at + ACCOUNTS_PER_DEPOSIT);
      const postings = [
        { accountId: cash, direction: 'debit' as const, amount: String(slice.length) },
        ...slice.map((accountId) => ({ accountId, direction: 'credit' as const, amount: '1' })),
      ];
      const input = { description: 'Sales', effectiveDate, postings };
      accepted(await ledger.submit({ creator: PostTransaction, actor: ACTOR, input }));
    }
  }
  const begin = performance.now();
  const input = { through: THROUGH, closeTo: [equity] };
  const close = { creator: ClosePeriod, actor: ACTOR, input };
  const { transactionIds } = accepted(await ledger.submit(close));
  const closeSeconds = (performance.now() - begin) / 1000;
  const least = Math.ceil(accounts / ACCOUNTS_PER_DEPOSIT);
  if (transactionIds.length < least) throw new Error(`${transactionIds.length} were carried`);
  return { accounts, closeSeconds, checkSeconds: await check(open) };
}

/** Inside one transaction, as cursors need it. */
async function check({ stateReader }: OpenLedger): Promise<number> {
  const begin = performance.now();
  const run = (db: Kysely<AccountTables & PeriodTables>) => recomputeSeals(db, 0);
  const { value } = await stateReader.read(run, { cost: 'expensive' });
  const [{ close, seal } = { close: undefined, seal: undefined }] = value;
  if (!close || close.digest !== seal.digest) throw new Error('The seal does not recompute');
  return (performance.now() - begin) / 1000;
}
