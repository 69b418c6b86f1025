import { OpenAccount, type OpenAccountInput } from '../../src/books/accounts/account.creators';
import { ChangeCompanyAddress, CreateCompany } from '../../src/books/companies/company.creators';
import type { Creator, Outcome } from '../../src/engine/define/creator';
import type { Ledger } from '../../src/engine/write/ledger';
import { CalculateInterestOwed } from '../../src/books/interest/interest.creators';
import { CancelOrder, PlaceOrder } from '../../src/books/orders/order.creators';
import { SettleOrder } from '../../src/books/orders/settle.creator';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../src/books/transactions/transaction.creators';

const ACTOR = 'bench';
const IN_FLIGHT = 512;
const FIRST_ACCOUNTS = 2_000;
const FIRST_COMPANIES = 50;
/** When savings come in that earn interest: years before the first day that is accrued for. */
const SAVED_ON = '2021-01-01';
/** Accounts that earn interest; each accrual is for all of them. */
const SAVINGS_ACCOUNTS = 200;
const ACCRUALS = 10;
/** Books of several seeds may share a ledger. */
const NAMES_PER_BOOKS = 1_000_000_000;

/** The books of a bank that invests for companies, as far as the next command needs them. */
class MixedBooks {
  private readonly accounts: string[] = [];
  private readonly companies: string[] = [];
  private readonly posted: string[] = [];
  private readonly orders: string[] = [];
  private readonly savings: string[] = [];
  private expense = '';
  private accruals = 0;

  /** @param number what the names of these books begin to count from */
  constructor(
    private readonly ledger: Ledger,
    private readonly below: (limit: number) => number,
    private number: number,
  ) {}

  async begin(): Promise<void> {
    this.expense = await this.openAccount({ name: 'Interest paid', type: 'expense' });
    await Promise.all([
      ...Array.from({ length: FIRST_ACCOUNTS }, () => this.anyAccount()),
      ...Array.from({ length: FIRST_COMPANIES }, () => this.createCompany()),
      ...Array.from({ length: SAVINGS_ACCOUNTS }, async () => {
        this.savings.push(await this.openAccount({ name: 'Savings', type: 'liability' }));
      }),
    ]);
    for (const id of this.savings) await this.transfer([this.pick(this.accounts), id], SAVED_ON);
  }

  /** One command; in a thousand of them about as many of each kind as the numbers say. */
  async next(): Promise<void> {
    const choice = this.below(1_000);
    if (choice < 800) return this.transfer([this.pick(this.accounts), this.pick(this.accounts)]);
    if (choice < 860) return this.transfer(this.several());
    if (choice < 910) return this.anyAccount();
    if (choice < 935) return this.reverse();
    if (choice < 939) return this.createCompany();
    if (choice < 955) return this.changeAddress();
    if (choice < 978) return this.placeOrder();
    if (choice < 997) return this.endOrder();
    return this.transfer([this.pick(this.savings), this.pick(this.savings)]);
  }

  /** Accrues one more day for every account that earns interest. */
  async accrue(): Promise<void> {
    const day = String(++this.accruals).padStart(2, '0');
    await this.submit(CalculateInterestOwed, {
      through: `2025-01-${day}`,
      annualRate: '0.0425',
      dayCount: 'actual/365',
      accountIds: this.savings,
      expenseAccountId: this.expense,
    });
  }

  private async transfer(accountIds: readonly string[], effectiveDate?: string): Promise<void> {
    const amount = `${1 + this.below(5_000)}.${10 + this.below(90)}`;
    const number = ++this.number;
    const { id } = await this.submit(PostTransaction, {
      description: `Payment ${number}`,
      ...(effectiveDate !== undefined && { effectiveDate }),
      ...(number % 10 === 0 && { clientId: `payment-${number}` }),
      ...(number % 20 === 0 && { metadata: { invoice: `R-${number}`, ref: 'Überweisung' } }),
      postings: accountIds.map((accountId, i) => {
        return { accountId, direction: i % 2 ? ('credit' as const) : ('debit' as const), amount };
      }),
    });
    if (this.posted.length < FIRST_ACCOUNTS) this.posted.push(id);
    else this.posted[this.below(FIRST_ACCOUNTS)] = id;
  }

  private several(): string[] {
    return Array.from({ length: 4 + 2 * this.below(4) }, () => this.pick(this.accounts));
  }

  private async reverse(): Promise<void> {
    const transactionId = this.take(this.posted);
    if (transactionId !== undefined) await this.submit(ReverseTransaction, { transactionId });
  }

  private async anyAccount(): Promise<void> {
    const number = ++this.number;
    const type = number % 2 ? 'asset' : 'liability';
    const clientId = number % 3 === 0 ? `account-${number}` : undefined;
    this.accounts.push(await this.openAccount({ name: `Account ${number}`, type, clientId }));
  }

  private async openAccount(input: Omit<OpenAccountInput, 'currency'>): Promise<string> {
    return (await this.submit(OpenAccount, { currency: 'USD', ...input })).id;
  }

  private async createCompany(): Promise<void> {
    const number = ++this.number;
    const { id } = await this.submit(CreateCompany, {
      name: `Company ${number}`,
      contactEmail: `contact-${number}@example.com`,
      address: this.address(),
    });
    this.companies.push(id);
  }

  private async changeAddress(): Promise<void> {
    const companyId = this.pick(this.companies);
    await this.submit(ChangeCompanyAddress, { companyId, address: this.address() });
  }

  private address() {
    const line1 = `${1 + this.below(100_000)} Main Street`;
    return { line1, city: 'Springfield', postalCode: '12345', country: 'US' };
  }

  private async placeOrder(): Promise<void> {
    const at = this.below(this.accounts.length - 1);
    const { id } = await this.submit(PlaceOrder, {
      companyId: this.pick(this.companies),
      side: this.below(2) ? 'buy' : 'sell',
      symbol: 'ACME',
      quantity: `${1 + this.below(100)}`,
      cashAccountId: this.accounts[at]!,
      settlementAccountId: this.accounts[at + 1]!,
    });
    this.orders.push(id);
  }

  private async endOrder(): Promise<void> {
    const orderId = this.take(this.orders);
    if (orderId === undefined) return;
    if (this.below(8) === 0) await this.submit(CancelOrder, { orderId });
    else {
      const executedAmount = `${1 + this.below(5_000)}.00`;
      const input = { orderId, executedAmount, settledAt: '2026-03-04T05:06:07Z' };
      await this.submit(SettleOrder, input);
    }
  }

  private async submit<Input, Answer>(
    creator: Creator<Input, Answer>,
    input: Input,
  ): Promise<Answer> {
    const command = { creator, actor: ACTOR, input };
    const outcome: Outcome<Answer> = await this.ledger.submit(command);
    if (outcome.kind === 'refused') throw outcome.refusal;
    return outcome.answer;
  }

  private pick(ids: readonly string[]): string {
    return ids[this.below(ids.length)]!;
  }

  /** One of them, which nobody else gets. */
  private take(ids: string[]): string | undefined {
    const last = ids.pop();
    if (last === undefined || ids.length === 0) return last;
    const at = this.below(ids.length);
    const taken = ids[at];
    ids[at] = last;
    return taken;
  }
}

/**
 * Gives a ledger commands of every kind until its log has about `events` events: eight of ten are
 * transfers between two of thousands of accounts; the others open accounts, post to more of them,
 * reverse, change companies, place and settle orders and accrue interest. The commands are the
 * same for the same seed; how they interleave is not.
 */
export async function fillMixed(ledger: Ledger, events: number, seed: number): Promise<void> {
  const books = new MixedBooks(ledger, randomBelow(seed), seed * NAMES_PER_BOOKS);
  await books.begin();
  const begin = ledger.head.position;
  for (let part = 1; part <= ACCRUALS; part++) {
    const end = begin + ((events - begin) * part) / ACCRUALS;
    const loop = async () => {
      while (ledger.head.position < end) await books.next();
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
    await books.accrue();
  }
}

/** A linear congruential generator, with the constants of Numerical Recipes. */
function randomBelow(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * limit);
  };
}
