import { listAccounts } from '../../src/books/accounts/account.queries';
import {
  searchTransactions,
  type TransactionSearch,
} from '../../src/books/transactions/transaction-search.queries';
import type { OpenLedger } from '../../src/engine/open-ledger';
import type { Order } from '../../src/engine/session/page-rows';
import type { NamedRead } from './dated-reads';

const PAGE = 50;
const SAMPLES = 50;

/** What was posted, as far as searches have to know it. */
export interface SearchedBooks {
  /** So many transactions. */
  readonly size: number;
  readonly accounts: readonly string[];
  /** The last day, and one in the middle. */
  readonly today: string;
  readonly middle: string;
}

/** Searches of transactions and accounts by name: the first page of each, and one deep inside. */
export function searchReads(
  { ledger }: OpenLedger,
  { size, accounts, today, middle }: SearchedBooks,
): NamedRead[] {
  const { position } = ledger.head;
  const some = () => Math.floor(Math.random() * size);
  const quiet = accounts[17]!;
  const searches: Record<string, () => TransactionSearch> = {
    words_common: () => ({ q: 'payment' }),
    words_rare: () => ({ q: 'rare kind' }),
    words_one: () => ({ q: `payment ${some()}` }),
    words_none: () => ({ q: 'nowhere' }),
    metadata: () => ({ metadata: { invoice: `INV-${some()}` } }),
    actor: () => ({ actor: 'bench' }),
    currency: () => ({ currency: 'USD' }),
    amount_exact: () => ({ amountFrom: '4711.20', amountTo: '4711.20' }),
    amount_range: () => ({ amountFrom: '4000', amountTo: '4100' }),
    amount_large: () => ({ amountFrom: '9990' }),
    from: () => ({ from: today }),
    day: () => ({ from: middle, to: middle }),
    account_from: () => ({ accountId: accounts[0]!, from: middle }),
    combined: () => ({ q: 'payment rare', currency: 'USD', accountId: accounts[0]! }),
    combined_one: () => ({ q: 'payment', actor: 'bench', metadata: { invoice: `INV-${some()}` } }),
    account_words: () => ({ accountId: quiet, q: 'rare' }),
  };
  const pages: Record<string, readonly [number, Order]> = {
    first: [0, 'asc'],
    newest: [Number.MAX_SAFE_INTEGER, 'desc'],
    deep: [Math.floor(position * 0.6), 'asc'],
  };
  const reads = Object.entries(searches).flatMap(([name, search]) =>
    Object.entries(pages).map(([page, [after, order]]): NamedRead => ({
      ...{ name: `search_${name}_${page}`, samples: SAMPLES },
      read: (db) => searchTransactions(db, search(), after, PAGE, order),
    })),
  );
  const words = { name: 'search_accounts', samples: SAMPLES };
  return [...reads, { ...words, read: (db) => listAccounts(db, { q: 'account 17' }, 0, PAGE) }];
}
