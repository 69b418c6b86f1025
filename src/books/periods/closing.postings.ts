import assert from 'node:assert';
import { accounts, type AccountRow } from '../accounts/account.table';
import type { CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { ServerCursor } from '../../database/server-cursor';
import { refuseOutside } from '../transactions/posting.rules';
import type { Direction } from '../transactions/transaction.events';
import { MAX_POSTINGS, postTransaction } from '../transactions/transaction.rules';
import { ACCOUNTS_PER_PAGE, balancesAsOf } from './seal.queries';

/**
 * Carries the balances that income and expense accounts have as of a day to equity, in as many
 * transactions of that day as it takes. Accounts are read by pages, so that memory grows with the
 * events alone.
 * @param equity accounts by currency
 * @returns the ids of the transactions in the order in which they were posted
 * @throws Refusal `currency_mismatch`, `insufficient_funds`, `balance_limit_exceeded`
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
  const closings = new Closings(context, through);
  let currency: string | undefined;
  for (;;) {
    const page = await state.query((db) => cursor.next(db));
    for (const account of page) {
      if (currency !== undefined && account.currency !== currency) {
        await closings.carry(currency, equity);
      }
      currency = account.currency;
      await closings.add({ accountId: account.account_id, net: account.net });
    }
    if (page.length < ACCOUNTS_PER_PAGE) break;
  }
  if (currency !== undefined) await closings.carry(currency, equity);
  return closings.finish();
}

/** An account with what is left to carry of it: debits less credits, in minor units. */
interface Result {
  readonly accountId: string;
  net: bigint;
}

/**
 * The transactions of a close, one currency after the other. What balances each other is posted
 * together, in parts where a transaction is full, and what is left of all goes to equity: so a
 * result of zero needs no account to go to, however many accounts it is made of, and no posting
 * takes an account further than the whole close does.
 */
class Closings {
  private readonly transactionIds: string[] = [];
  private readonly accountIds = new Set<string>();
  /** What nothing balances yet, all of it on one side; those before `next` are carried. */
  private left: Result[] = [];
  private next = 0;
  /** What the transaction to come carries, by account. */
  private nets = new Map<string, bigint>();

  constructor(
    private readonly context: CreatorContext,
    private readonly through: string,
  ) {}

  async add(result: Result): Promise<void> {
    while (result.net !== 0n) {
      const other = this.left[this.next];
      if (!other || other.net > 0n === result.net > 0n) {
        this.left.push(result);
        return;
      }
      const [a, b] = [abs(other.net), abs(result.net)];
      await this.match(other, result, a < b ? a : b);
      if (other.net === 0n) this.next++;
    }
  }

  /** Has what is left of a currency go to equity. @throws Refusal `currency_mismatch` */
  async carry(currency: string, equity: ReadonlyMap<string, AccountRow>): Promise<void> {
    const left = this.left.slice(this.next);
    if (left.length > 0) {
      const accountId = equityIn(currency, equity);
      const result = { accountId, net: -left.reduce((sum, { net }) => sum + net, 0n) };
      for (const one of left) await this.match(one, result, abs(one.net));
      assert(result.net === 0n, 'Equity takes what is left');
    }
    await this.post();
    [this.left, this.next] = [[], 0];
  }

  /** Once everything is carried. @throws Refusal `insufficient_funds`, `balance_limit_exceeded` */
  finish(): string[] {
    refuseOutside(this.context.state, this.accountIds);
    return this.transactionIds;
  }

  /** Carries so much of two accounts whose results are on different sides. */
  private async match(one: Result, other: Result, amount: bigint): Promise<void> {
    const ids = [one.accountId, other.accountId];
    const added = ids.filter((id) => !this.nets.has(id)).length;
    if (this.nets.size + added > MAX_POSTINGS) await this.post();
    for (const result of [one, other]) {
      const part = result.net > 0n ? amount : -amount;
      const { accountId } = result;
      this.nets.set(accountId, (this.nets.get(accountId) ?? 0n) + part);
      result.net -= part;
    }
  }

  private async post(): Promise<void> {
    if (this.nets.size === 0) return;
    const { context, through } = this;
    const postings = Array.from(this.nets, ([accountId, net]) => {
      this.accountIds.add(accountId);
      return { accountId, direction: sideOf(net), amount: abs(net) };
    });
    this.nets = new Map();
    // Posting reads the accounts one by one; one query for all of them is a hundred times faster.
    const ids = postings.map(({ accountId }) => accountId);
    await context.state.table(accounts).load('account_id', ids);
    const description = `Closing through ${through}`;
    const posted = { description, effectiveDate: through, postings };
    const { data } = await postTransaction(context, posted, { isClosing: true });
    this.transactionIds.push(data.transactionId);
  }
}

/** On which a balance is carried away. */
function sideOf(net: bigint): Direction {
  return net > 0n ? 'credit' : 'debit';
}

function abs(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}

/** The account that carries a currency's result. @throws Refusal `currency_mismatch` */
function equityIn(currency: string, equity: ReadonlyMap<string, AccountRow>): string {
  const account = equity.get(currency);
  if (account) return account.account_id;
  const detail = `Income and expense in ${currency} have a result, and closeTo no account`;
  const errors = [{ pointer: '/closeTo', message: `has no account in ${currency}` }];
  throw new Refusal('currency_mismatch', `${detail} in that currency`, { errors });
}
