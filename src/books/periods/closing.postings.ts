import { accounts, type AccountRow } from '../accounts/account.table';
import type { CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { ServerCursor } from '../../database/server-cursor';
import { MAX_POSTINGS, postTransaction } from '../transactions/transaction.rules';
import type { TransactionInput } from '../transactions/transaction.rules';
import { ACCOUNTS_PER_PAGE, balancesAsOf, type BalancedAccount } from './seal.queries';

/** Accounts that share a transaction; one posting is the equity account's. */
const ACCOUNTS_PER_TRANSACTION = MAX_POSTINGS - 1;

/**
 * Carries the balances that income and expense accounts have as of a day to equity, in as many
 * transactions of that day as it takes. Accounts are read by pages, so that memory grows with the
 * events alone.
 * @param equity accounts by currency
 * @returns the ids of the transactions in the order in which they were posted
 * @throws Refusal `currency_mismatch`, and as postTransaction does
 */
export async function postClosings(
  context: CreatorContext,
  through: string,
  equity: ReadonlyMap<string, AccountRow>,
): Promise<string[]> {
  const { state } = context;
  const cursor = await state.query((db) => {
    const results = db
      .selectFrom(balancesAsOf(db, through).as('b'))
      .selectAll()
      .where('b.type', 'in', ['income', 'expense'])
      .where('b.net', '!=', 0n)
      .orderBy(
        (eb) => eb.ref('b.currency'),
        (order) => order.collate('C'),
      )
      .orderBy('b.account_id');
    return ServerCursor.open(db, results, ACCOUNTS_PER_PAGE);
  });
  const ids: string[] = [];
  for (;;) {
    const page = await state.query((db) => cursor.next(db));
    const accountIds = page.map((account) => account.account_id);
    // Posting reads the accounts one by one; one query for all of them is a hundred times faster.
    await state.table(accounts).load('account_id', accountIds);
    for (const slice of slicesByCurrency(page)) {
      ids.push(await postClosing(context, through, equity, slice));
    }
    if (page.length < ACCOUNTS_PER_PAGE) return ids;
  }
}

/** Accounts that share a currency and a transaction. */
function* slicesByCurrency(page: readonly BalancedAccount[]): Iterable<readonly BalancedAccount[]> {
  for (const accountsOfOne of Map.groupBy(page, (account) => account.currency).values()) {
    for (let at = 0; at < accountsOfOne.length; at += ACCOUNTS_PER_TRANSACTION) {
      yield accountsOfOne.slice(at, at + ACCOUNTS_PER_TRANSACTION);
    }
  }
}

/** The account that carries a currency's result. @throws Refusal `currency_mismatch` */
function equityIn(currency: string, equity: ReadonlyMap<string, AccountRow>): string {
  const account = equity.get(currency);
  if (account) return account.account_id;
  const detail = `Income and expense in ${currency} have a result, and closeTo no account`;
  const errors = [{ pointer: '/closeTo', message: `has no account in ${currency}` }];
  throw new Refusal('currency_mismatch', `${detail} in that currency`, { errors });
}

async function postClosing(
  context: CreatorContext,
  through: string,
  equity: ReadonlyMap<string, AccountRow>,
  slice: readonly BalancedAccount[],
): Promise<string> {
  const postings: TransactionInput['postings'] = [];
  let carried = 0n;
  const add = (accountId: string, net: bigint) => {
    if (net === 0n) return;
    const [direction, amount] = net > 0n ? (['credit', net] as const) : (['debit', -net] as const);
    postings.push({ accountId, direction, amount });
  };
  for (const { account_id, net } of slice) {
    carried += net;
    add(account_id, net);
  }
  if (carried !== 0n) add(equityIn(slice[0]!.currency, equity), -carried);
  const description = `Closing through ${through}`;
  const posted = { description, effectiveDate: through, postings };
  const event = await postTransaction(context, posted, { isExempt: true });
  return event.data.transactionId;
}
