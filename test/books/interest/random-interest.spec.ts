import { COMPOUNDINGS } from '../../../src/books/interest/exact-interest';
import { DAY_COUNTS } from '../../../src/books/interest/day-count';
import type { InterestAccrualDto } from '../../../src/books/interest/interest.dto';
import { currentAccount, openAccount } from '../../harness/books';
import { query } from '../../harness/cluster';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startInterestBooks, type InterestBooks } from './interest-books';
import { ModelAccount, type Expected, type ModelTerms } from './interest-model';
import { dayAfter } from './rational';
import type { AccountDto } from '../../../src/books/accounts/account.dto';

const ROUNDS = rounds(25, 120);
const FIRST_DAY = '1993-11-20';
/** In units of 1 / this of a cent the program carries what rounding leaves. */
const UNITS = 1_603_080n * 10n ** 12n;

function minorOf(text: string): bigint {
  return BigInt(text.replace('.', ''));
}

function textOf(minor: bigint): string {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(3, '0');
  return `${minor < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Real books beside the model of each of their accounts, and random things that happen to both. */
class RandomInterest {
  private readonly models = new Map<string, ModelAccount>();
  private readonly accruals: { accrual: InterestAccrualDto; accountIds: string[] }[] = [];
  private day = FIRST_DAY;

  constructor(
    private readonly random: Random,
    private readonly books: InterestBooks,
    private readonly income: AccountDto,
    private readonly accounts: readonly AccountDto[],
  ) {
    for (const { id, minBalance, maxBalance } of accounts) {
      const limits = {
        ...(minBalance !== null && { min: minorOf(minBalance) }),
        ...(maxBalance !== null && { max: minorOf(maxBalance) }),
      };
      this.models.set(id, new ModelAccount(limits));
    }
  }

  static async start(random: Random): Promise<RandomInterest> {
    const books = await startInterestBooks();
    const income = await openAccount(books.ledger, { type: 'income' });
    const accounts = await Promise.all([
      books.open(),
      books.open(),
      books.open({ minBalance: '0' }),
      books.open({ maxBalance: '12000.00' }),
      books.open({ type: 'asset' }),
      books.open({ type: 'asset', minBalance: '0' }),
    ]);
    return new RandomInterest(random, books, income, accounts);
  }

  async round(): Promise<void> {
    const { random } = this;
    for (let i = random.below(6); i > 0; i--) await this.post();
    if (random.chance(0.3)) await this.reverse();
    this.day = dayAfter(this.day, 1 + random.below(random.pick([3, 45])));
    await this.accrue();
    for (const { id } of this.accounts) {
      const { balance } = await currentAccount(this.books.ledger, id);
      expect([id, minorOf(balance)]).toEqual([id, this.modelOf(id).balance]);
    }
  }

  private modelOf(id: string): ModelAccount {
    return this.models.get(id)!;
  }

  /** Into days that are accrued and days that are not; some that limits do not admit. */
  private async post(): Promise<void> {
    const { random } = this;
    const account = random.pick(this.accounts);
    const sign = random.chance(0.45) ? -1n : 1n;
    const minor = sign * BigInt(1 + random.below(random.pick([300, 20_000, 1_000_000])));
    const model = this.modelOf(account.id);
    if (!model.admits(minor)) return;
    const date = dayAfter(this.day, 10 - random.below(random.pick([12, 120])));
    await this.books.post(account, textOf(minor), date);
    model.post(date, minor);
  }

  private async accrue(): Promise<void> {
    const { random, books } = this;
    const some = this.accounts.filter(() => random.chance(0.7)).map((account) => account.id);
    if (some.length === 0) return;
    const terms: ModelTerms = {
      through: this.day,
      annualRate: random.pick(['0.01825', '0.0425', '0.9', '0.000000000001']),
      dayCount: random.pick(DAY_COUNTS),
      compounding: random.pick(COMPOUNDINGS),
    };
    const onRefusal = random.pick(['refuse', 'skip'] as const);
    const input = { ...terms, onRefusal, accountIds: some, incomeAccountId: this.income.id };
    const expected = some.map((id) => [id, this.expect(id, terms)] as const);
    const refused = expected.filter(([, what]) => typeof what === 'string');
    if (onRefusal === 'refuse' && refused.length > 0) {
      const { code, accountId } = await books.refusal(input);
      expect(refused).toContainEqual([accountId, code]);
      return;
    }
    const accrual = await books.accrue(input);
    expect(await books.accrualOf(accrual.id!)).toEqual(accrual);
    const skipped = accrual.skipped.map(({ accountId, code }) => [accountId, code]);
    expect(skipped.sort()).toEqual(refused.map((one) => [...one]).sort());
    const accrued: string[] = [];
    for (const [id, what] of expected) {
      if (what === undefined || typeof what === 'string') continue;
      await this.compare(id, accrual, what);
      this.modelOf(id).accrue(accrual.id!, terms, what);
      accrued.push(id);
    }
    expect(accrual.accruals.map((one) => one.accountId).sort()).toEqual(accrued.sort());
    this.accruals.push({ accrual, accountIds: accrued });
  }

  /** What an account is owed, or why it is left out; undefined where it has no entry yet. */
  private expect(id: string, terms: ModelTerms): Expected | string | undefined {
    const model = this.modelOf(id);
    if ((model.accruedThrough ?? '') >= terms.through) return 'already_accrued';
    const owed = model.owed(terms);
    if (!owed) return undefined;
    const { adjustment, amount } = owed;
    for (const sum of [adjustment, adjustment + amount]) {
      const isPosted = sum === adjustment ? adjustment !== 0n : amount !== 0n;
      if (isPosted && !model.admits(sum)) {
        const { min } = model.limits;
        const isLow = min !== undefined && model.balance + sum < min;
        return isLow ? 'insufficient_funds' : 'balance_limit_exceeded';
      }
    }
    return owed;
  }

  private async compare(id: string, accrual: InterestAccrualDto, what: Expected): Promise<void> {
    const one = accrual.accruals.find(({ accountId }) => accountId === id)!;
    const adjusted = accrual.adjustments.find(({ accountId }) => accountId === id);
    expect({
      amount: minorOf(one.amount),
      principal: minorOf(one.principal),
      adjustment: minorOf(adjusted?.amount ?? '0.00'),
    }).toEqual({
      amount: what.amount,
      principal: what.principal,
      adjustment: what.adjustment,
    });
    const [event] = await query<{ carried: string }>(
      this.books.ledger.databases.urls.log,
      `select data->>'carried' as carried from event_log
       where type = 'InterestAccrued' and data->>'accountId' = $1
       order by position desc limit 1`,
      [id],
    );
    const { numerator, denominator } = what.carried;
    expect(BigInt(event!.carried) * denominator).toBe(numerator * UNITS);
  }

  /** Mostly the last one, which often can be. */
  private async reverse(): Promise<void> {
    const { random, accruals, books } = this;
    if (accruals.length === 0) return;
    const at = random.chance(0.6) ? accruals.length - 1 : random.below(accruals.length);
    const { accrual, accountIds } = accruals[at]!;
    const isLatest = accountIds.every((id) => this.modelOf(id).lastRunId === accrual.id);
    if (!isLatest) {
      expect(await books.reverseRefusal(accrual)).toBe('accrual_not_latest');
      return;
    }
    const before = accountIds.map((id) => [id, this.modelOf(id).balance] as const);
    const taken = (id: string) => {
      const of = [...accrual.accruals, ...accrual.adjustments];
      const own = of.filter(({ accountId }) => accountId === id);
      return own.reduce((sum, { amount }) => sum + minorOf(amount), 0n);
    };
    const isAdmitted = before.every(([id]) => this.canGiveBack(id, accrual));
    if (!isAdmitted) {
      const code = await books.reverseRefusal(accrual);
      expect(['insufficient_funds', 'balance_limit_exceeded']).toContain(code);
      return;
    }
    await books.reverse(accrual);
    expect(await books.reverseRefusal(accrual)).toBe('already_reversed');
    for (const [id, balance] of before) {
      this.modelOf(id).reverse();
      expect(this.modelOf(id).balance).toBe(balance - taken(id));
    }
    accruals.splice(at, 1);
  }

  /** Limits hold after each of the two transactions that are reversed, the last one first. */
  private canGiveBack(id: string, { accruals, adjustments }: InterestAccrualDto): boolean {
    let given = 0n;
    for (const of of [accruals, adjustments]) {
      const amount = minorOf(of.find(({ accountId }) => accountId === id)?.amount ?? '0');
      given -= amount;
      if (amount !== 0n && !this.modelOf(id).admits(given)) return false;
    }
    return true;
  }
}

describe('random accruals', () => {
  it('come to what the contract says, compounding, paid out, reversed and skipped', async () => {
    const interest = await RandomInterest.start(seededRandom());
    for (let round = 0; round < ROUNDS; round++) await interest.round();
  });
});
