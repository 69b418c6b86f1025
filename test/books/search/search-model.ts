import { PostTransactionBatch } from '../../../src/books/transactions/batch.creator';
import type { PostTransactionInput } from '../../../src/books/transactions/transaction.rules';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import type { TransactionDto } from '../../../src/books/transactions/transaction.dto';
import type { Random } from '../../harness/seed';
import type { TestService } from '../../harness/service';

const DAY_MS = 86_400_000;
const CURRENCIES = ['USD', 'USD', 'USD', 'JPY', 'KWD'];
const DIGITS: Record<string, number> = { USD: 2, JPY: 0, KWD: 3 };
const GROUPS = ['assets:cash', 'assets:bank:main', 'assets', 'fees', null];
const WORDS = [
  'Invoice',
  'INVENTORY',
  'rent',
  'Straße',
  'café',
  '支払い',
  '100%',
  'a_b',
  '"x"',
  '🎉',
];
const RARE = ['\\', 'O’Brien', "o'neil", 'z{2}', 'ünïcode', 'tab\there', '<b>'];
const ACTORS = ['admin', 'import', 'anna', 'system:nightly'];

/** What is asked of the list, as a query has it. */
export type Filters = Record<string, string>;

/** Random transactions, and what is found of them by looking at each. */
export class SearchModel {
  readonly transactions: (TransactionDto & { readonly actor: string })[] = [];
  readonly accounts: (AccountDto & { group: string | null })[] = [];

  constructor(
    private readonly service: TestService,
    private readonly random: Random,
  ) {}

  async openAccounts(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const currency = CURRENCIES[i % CURRENCIES.length]!;
      const body = { name: `Account ${i}`, type: 'asset', currency };
      const group = this.random.pick(GROUPS);
      const opened = await this.service.api.post<AccountDto>('/v1/accounts', { ...body, group });
      this.accounts.push(opened.body);
    }
  }

  /** Puts an account into another group. */
  async move(): Promise<void> {
    const account = this.random.pick(this.accounts);
    const group = this.random.pick(GROUPS);
    await this.service.api.patch(`/v1/accounts/${account.id}`, { group });
    account.group = group;
  }

  /** Posts so many in one command of somebody's. */
  async post(count: number): Promise<void> {
    const { random } = this;
    const actor = random.pick(ACTORS);
    const transactions = Array.from({ length: count }, () => this.anyTransaction());
    const command = { creator: PostTransactionBatch, actor };
    const input = { mode: 'atomic' as const, transactions };
    const outcome = await this.service.open.ledger.submit({ ...command, input });
    if (outcome.kind === 'refused') throw outcome.refusal;
    for (const result of outcome.answer) {
      if (!('transaction' in result)) throw new Error(result.refusal.detail);
      this.transactions.push({ ...result.transaction, actor });
    }
  }

  private anyTransaction(): PostTransactionInput {
    const { random } = this;
    const words = Array.from({ length: 1 + random.below(4) }, () => random.pick(WORDS));
    if (random.chance(0.01)) words.push(random.pick(RARE));
    if (random.chance(0.5)) words.push(`INV-${random.below(3_000)}`);
    // Some have more postings than are told one by one.
    const pairs = random.chance(0.02) ? 17 : 1;
    const back = random.chance(0.2) ? random.below(400) : random.below(5);
    return {
      description: words.join(random.pick([' ', ' ', '-', ', '])),
      effectiveDate: new Date(Date.now() - (1 + back) * DAY_MS).toISOString().slice(0, 10),
      ...(random.chance(0.5) && { metadata: this.anyMetadata() }),
      postings: Array.from({ length: pairs }, () => this.anyPair()).flat(),
    };
  }

  private anyPair(): PostTransactionInput['postings'] {
    const { random } = this;
    const first = random.pick(this.accounts);
    const same = this.accounts.filter((account) => account.currency === first.currency);
    const other = random.pick(same.filter((account) => account !== first));
    const amount = this.anyAmount(first.currency);
    return [
      { accountId: first.id, direction: 'debit', amount },
      { accountId: other.id, direction: 'credit', amount },
    ];
  }

  private anyMetadata(): Record<string, string> {
    const { random } = this;
    return {
      ...(random.chance(0.7) && { shop: `s${random.below(20)}` }),
      ...(random.chance(0.3) && {
        'order id': random.pick(['%', '', '🎉', 'a=b', `o${random.below(999)}`]),
      }),
    };
  }

  private anyAmount(currency: string): string {
    const { random } = this;
    const minor = 1 + random.below(10 ** (1 + random.below(8)));
    const digits = DIGITS[currency]!;
    const text = String(minor).padStart(digits + 1, '0');
    return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  }

  /** Some filters, most of which something fits. */
  anyFilters(): Filters {
    const { random } = this;
    const one = random.pick(this.transactions);
    const filters: Filters = {};
    const maybe = (chance: number, more: () => Filters) => {
      if (random.chance(chance)) Object.assign(filters, more());
    };
    maybe(0.4, () => ({ q: this.anyWords(one.description) }));
    maybe(0.2, () => ({ actor: random.chance(0.8) ? one.actor : 'nobody' }));
    maybe(0.2, () => ({ currency: one.postings[0]!.currency }));
    maybe(0.2, () => ({ amountFrom: this.near(one.postings[0]!.amount) }));
    maybe(0.2, () => ({ amountTo: this.near(one.postings[0]!.amount) }));
    maybe(0.05, () => ({ amountFrom: one.postings[0]!.amount, amountTo: one.postings[0]!.amount }));
    maybe(0.2, () => ({ group: random.pick(['assets', 'assets:bank', 'fees', 'assets:cash']) }));
    maybe(0.2, () => ({ accountId: random.pick(one.postings).accountId }));
    maybe(0.2, () => ({ from: one.effectiveDate }));
    maybe(0.2, () => ({ to: random.pick(this.transactions).effectiveDate }));
    maybe(0.1, () => ({ recordedFrom: one.recordedAt }));
    maybe(0.1, () => ({ recordedTo: random.pick(this.transactions).recordedAt }));
    for (const [key, value] of Object.entries(one.metadata)) {
      maybe(0.3, () => ({ [`metadata[${key}]`]: value }));
    }
    return filters;
  }

  private anyWords(description: string): string {
    const { random } = this;
    const words = description.split(' ');
    const some = words.filter(() => random.chance(0.6));
    const word = random.pick(words);
    const part = Array.from(word)
      .slice(0, 1 + random.below(6))
      .join('');
    const text = [...some, part].join(' ');
    return random.chance(0.3) ? text.toUpperCase() : text;
  }

  private near(amount: string): string {
    if (this.random.chance(0.5)) return amount;
    return String(Math.floor(Number(amount) * (0.5 + this.random.below(100) / 100)));
  }

  /** What fits, in the order of the log. */
  find(filters: Filters): string[] {
    return this.transactions.filter((one) => this.fits(one, filters)).map(({ id }) => id);
  }

  private fits(one: TransactionDto & { actor: string }, filters: Filters): boolean {
    return Object.entries(filters).every(([name, value]) => {
      if (name.startsWith('metadata[')) return one.metadata[name.slice(9, -1)] === value;
      switch (name) {
        case 'q':
          return fitsWords(one.description, value);
        case 'actor':
          return one.actor === value;
        case 'group':
          return one.postings.some(({ accountId }) => this.isIn(accountId, value));
        case 'accountId':
          return one.postings.some(({ accountId }) => accountId === value);
        case 'from':
          return one.effectiveDate >= value;
        case 'to':
          return one.effectiveDate <= value;
        case 'recordedFrom':
          return one.recordedAt >= value;
        case 'recordedTo':
          return one.recordedAt <= value;
        default:
          return one.postings.some((posting) => fitsPosting(posting, filters));
      }
    });
  }

  private isIn(accountId: string, group: string): boolean {
    const path = this.accounts.find(({ id }) => id === accountId)!.group ?? '';
    return path === group || path.startsWith(`${group}:`);
  }
}

function fitsPosting(
  { amount, currency }: { amount: string; currency: string },
  { amountFrom, amountTo, currency: wanted }: Filters,
): boolean {
  const scaled = (text: string) => {
    const [whole, fraction = ''] = text.split('.') as [string, string?];
    return BigInt(whole + fraction.padEnd(6, '0'));
  };
  if (wanted !== undefined && currency !== wanted) return false;
  if (amountFrom !== undefined && scaled(amount) < scaled(amountFrom)) return false;
  return amountTo === undefined || scaled(amount) <= scaled(amountTo);
}

/** Letters and digits of any script but those that are written without spaces; and all else. */
function fitsWords(description: string, q: string): boolean {
  const words = (text: string) =>
    text
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{Script=Latin}\p{N}\p{M}]+|\S/gu) ?? [];
  const all: string[] = words(description);
  return words(q).every((wanted) => all.some((word) => word.startsWith(wanted)));
}
