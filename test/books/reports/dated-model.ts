import { ChangeAccount } from '../../../src/books/accounts/account-change.creators';
import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import type { TransactionDto } from '../../../src/books/transactions/transaction.dto';
import type { Creator } from '../../../src/engine/define/creator';
import type { Random } from '../../harness/seed';
import type { TestService } from '../../harness/service';

const ACTOR = 'tester';
const TYPES = ['asset', 'liability', 'equity', 'income', 'expense'] as const;
const GROUPS = [null, 'a', 'a:b', 'a:b:c', 'a:d', 'e', 'e:f', 'ab'] as const;
/** So early that no run comes to a day after today. */
const FIRST_DAY = Date.UTC(2004, 0, 1);
const DAY_MS = 86_400_000;

export interface ModelEntry {
  readonly date: string;
  readonly position: number;
  readonly ordinal: number;
  readonly direction: 'debit' | 'credit';
  /** Minor units. */
  readonly amount: bigint;
  readonly transaction: TransactionDto;
}

export interface ModelAccount {
  readonly id: string;
  readonly clientId: string;
  readonly type: (typeof TYPES)[number];
  readonly currency: string;
  readonly digits: number;
  readonly openedAt: number;
  readonly entries: ModelEntry[];
  /** What it was from which position on, newest last. */
  readonly facts: {
    readonly position: number;
    readonly name: string;
    readonly group: string | null;
  }[];
}

/** Debits and credits, minor units. */
export interface ModelSums {
  readonly debits: bigint;
  readonly credits: bigint;
}

/** Books with dates in and out of order, kept a second time as plain lists. */
export class DatedModel {
  readonly accounts: ModelAccount[] = [];
  head = 0;

  constructor(
    private readonly service: TestService,
    private readonly random: Random,
  ) {}

  /** @param prefix of their client ids */
  async openAccounts(count: number, prefix = 'account'): Promise<void> {
    for (let i = 0; i < count; i++) {
      const currency = i % 4 === 3 ? 'JPY' : 'USD';
      const facts = { name: `Account ${i}`, group: this.random.pick(GROUPS) };
      const type = TYPES[i % TYPES.length]!;
      const input = { ...facts, type, currency, clientId: `${prefix}-${i}` };
      const { id, position } = await this.run(OpenAccount, input);
      const opened = {
        id,
        clientId: input.clientId,
        type,
        currency,
        digits: currency === 'JPY' ? 0 : 2,
      };
      const entries: ModelEntry[] = [];
      this.accounts.push({
        ...opened,
        ...{ openedAt: position, entries, facts: [{ position, ...facts }] },
      });
      this.head = Math.max(this.head, position);
    }
  }

  /** Moves an account to another group, and gives it another name. */
  async change(): Promise<void> {
    const account = this.random.pick(this.accounts);
    const group = this.random.pick(GROUPS);
    const name = `Renamed ${this.random.below(1000)}`;
    const { position } = await this.run(ChangeAccount, { accountId: account.id, group, name });
    account.facts.push({ position, name, group });
    this.head = Math.max(this.head, position);
  }

  /** Posts transactions, many at once, one in so many of a day before the latest. */
  async post(count: number, lateShare: number): Promise<void> {
    const posted = await Promise.all(
      Array.from({ length: count }, () => this.run(PostTransaction, this.transaction(lateShare))),
    );
    for (const transaction of posted.sort((a, b) => a.position - b.position)) {
      this.head = Math.max(this.head, transaction.position);
      for (const [ordinal, posting] of transaction.postings.entries()) {
        const account = this.accounts.find(({ id }) => id === posting.accountId)!;
        account.entries.push({
          ...{ date: transaction.effectiveDate, position: transaction.position, ordinal },
          ...{ direction: posting.direction, transaction },
          amount: minor(posting.amount),
        });
      }
    }
  }

  private day = 0;

  private transaction(lateShare: number) {
    const { random } = this;
    if (random.chance(0.2)) this.day += random.below(3);
    const isLate = random.chance(lateShare);
    const day = isLate ? random.below(this.day + 1) : this.day;
    const currency = random.pick(['USD', 'USD', 'JPY']);
    const accounts = this.accounts.filter((a) => a.currency === currency);
    const digits = currency === 'JPY' ? 0 : 2;
    const amount = 1 + random.below(10_000);
    const text = (value: number) => {
      const minor = `${value}`.padStart(3, '0');
      return digits === 0 ? `${value}` : `${minor.slice(0, -2)}.${minor.slice(-2)}`;
    };
    const [debited, credited] = [random.pick(accounts.slice(0, 2)), random.pick(accounts)];
    const debit = { accountId: debited.id, direction: 'debit' as const };
    const parts = random.chance(0.2) && amount > 1 ? [1, amount - 1] : [amount];
    return {
      description: random.pick(['Rent', '=1+1', '-2+3', 'a "quoted", text', 'two\nlines', '@x']),
      effectiveDate: dayText(day),
      metadata: { n: String(random.below(9)) },
      postings: [
        ...parts.map((part) => ({ ...debit, amount: text(part) })),
        { accountId: credited.id, direction: 'credit' as const, amount: text(amount) },
      ],
    };
  }

  /** Any day of the books, and some before and after. */
  anyDay(): string {
    return dayText(this.random.below(this.day + 20) - 10);
  }

  anyPosition(): number {
    return 1 + this.random.below(this.head);
  }

  factsAt({ facts }: ModelAccount, position: number) {
    return facts.findLast((fact) => fact.position <= position)!;
  }

  /** The entries of some days as they were known, in the order of a statement. */
  entriesOf({ entries }: ModelAccount, from: string, to: string, position: number): ModelEntry[] {
    return entries
      .filter((e) => e.date >= from && e.date <= to && e.position <= position)
      .sort((a, b) =>
        a.date !== b.date
          ? a.date < b.date
            ? -1
            : 1
          : a.position - b.position || a.ordinal - b.ordinal,
      );
  }

  sums(account: ModelAccount, from: string, to: string, position: number): ModelSums {
    let [debits, credits] = [0n, 0n];
    for (const { direction, amount } of this.entriesOf(account, from, to, position)) {
      if (direction === 'debit') debits += amount;
      else credits += amount;
    }
    return { debits, credits };
  }

  /** What an account's statement says of some days, besides the account. */
  statementOf(account: ModelAccount, from: string, to: string, position: number) {
    const before = this.sums(account, FIRST, dayBefore(from), position);
    const within = this.sums(account, from, to, position);
    const opening = balanceOf(account, before);
    let balance = opening;
    const entries = this.entriesOf(account, from, to, position).map((e) => {
      const isUp = (e.direction === 'debit') === ['asset', 'expense'].includes(account.type);
      balance += isUp ? e.amount : -e.amount;
      const others = new Set(e.transaction.postings.map((p) => p.accountId));
      others.delete(account.id);
      const counterAccounts = this.accounts
        .filter(({ id }) => others.has(id))
        .map((a) => ({
          ...{ accountId: a.id, clientId: a.clientId },
          name: this.factsAt(a, position).name,
        }));
      return {
        ...{ effectiveDate: e.date, recordedAt: e.transaction.recordedAt, position: e.position },
        ...{ transactionId: e.transaction.id, clientId: null, direction: e.direction },
        ...{ description: e.transaction.description, metadata: e.transaction.metadata },
        ...{ amount: money(account, e.amount), balance: money(account, balance) },
        counterAccounts,
      };
    });
    return {
      ...{ opening: money(account, opening), closing: money(account, balance) },
      totalDebits: money(account, within.debits),
      totalCredits: money(account, within.credits),
      entries,
    };
  }

  private async run<Input, Answer>(creator: Creator<Input, Answer>, input: Input): Promise<Answer> {
    const outcome = await this.service.open.ledger.submit({ creator, input, actor: ACTOR });
    if (outcome.kind === 'accepted') return outcome.answer;
    throw outcome.refusal;
  }
}

/** The first day that a date can be. */
export const FIRST = '0001-01-01';
/** The last one. */
export const LAST = '9999-12-31';

/** Empty where no date comes before. */
function dayBefore(day: string): string {
  return day === FIRST ? '' : new Date(Date.parse(day) - DAY_MS).toISOString().slice(0, 10);
}

export function dayText(day: number): string {
  return new Date(FIRST_DAY + day * DAY_MS).toISOString().slice(0, 10);
}

export function balanceOf({ type }: ModelAccount, { debits, credits }: ModelSums): bigint {
  return type === 'asset' || type === 'expense' ? debits - credits : credits - debits;
}

/** Minor units as the API writes them. */
export function money({ digits }: Pick<ModelAccount, 'digits'>, value: bigint): string {
  const text = (value < 0n ? -value : value).toString().padStart(digits + 1, '0');
  const whole = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return value < 0n ? `-${whole}` : whole;
}

function minor(text: string): bigint {
  return BigInt(text.replace('.', ''));
}
