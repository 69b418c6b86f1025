import type { DayCount } from '../../../src/books/interest/day-count';
import { ReverseTransaction } from '../../../src/books/transactions/transaction.creators';
import { readTransaction } from '../../../src/books/transactions/transaction.queries';
import { currentAccount } from '../../harness/books';
import { query } from '../../harness/cluster';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startInterestBooks, type InterestBooks } from './interest-books';
import { add, daysBetween, halfEven, interestOfDay, ZERO, type Rational } from './rational';
import type { AccountDto } from '../../../src/books/accounts/account.dto';

const ROUNDS = rounds(8, 60);
const UNITS = 26_280n * 10n ** 12n;

async function lastStateOf({ ledger }: InterestBooks, { id }: AccountDto) {
  const rows = await query<{ data: { accrued: string; carried: string } }>(
    ledger.databases.urls.log,
    `select data from event_log where type = 'InterestAccrued' and data->>'accountId' = $1
     order by position desc limit 1`,
    [id],
  );
  return rows[0]!.data;
}

describe('entries backdated into accrued days', () => {
  it('are made up for by the next accrual, up and down', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-01']);
    await books.accrue({ through: '2026-01-31' });
    await books.post(account, '500.00', '2026-01-22');
    const more = await books.accrue({ through: '2026-02-10' });
    const { id: accountId } = account;
    expect(more.adjustments).toEqual([
      { accountId, from: '2026-01-22', through: '2026-01-31', amount: '0.50' },
    ]);
    expect(more.accruals).toMatchObject([
      { from: '2026-02-01', principal: '1500.00', amount: '1.50' },
    ]);
    expect(more.transactionIds).toHaveLength(2);

    await books.post(account, '-900.00', '2026-01-30');
    await books.post(account, '100.00', '2026-02-10');
    const less = await books.accrue({ through: '2026-02-20' });
    // 12 days of 900 too much, and one of 100 too little.
    expect(less.adjustments).toEqual([
      { accountId, from: '2026-01-30', through: '2026-02-10', amount: '-1.07' },
    ]);
    expect(less.accruals).toMatchObject([{ principal: '700.00', amount: '0.70' }]);
    expect(await currentAccount(books.ledger, accountId)).toMatchObject({ balance: '704.73' });
    const expense = await currentAccount(books.ledger, books.expense.id);
    expect(expense).toMatchObject({ debits: '5.80', credits: '1.07' });
  });

  it('are recorded with the days that they have changed', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-10']);
    await books.accrue({ through: '2026-01-20' });
    await books.accrue({ through: '2026-01-31', annualRate: '0.073' });
    await books.post(account, '100.00', '2026-01-05');
    await books.post(account, '-100.00', '2026-01-16');
    await books.accrue({ through: '2026-02-01' });
    const [event] = await query<{ data: Record<string, unknown> }>(
      books.ledger.databases.urls.log,
      `select data from event_log where type = 'InterestAdjusted'`,
    );
    // The second accrual is as it was, so it is not there; the first begins earlier.
    expect(event!.data).toMatchObject({
      ...{ accountId: account.id, amount: '0.11', accrued: '3.41' },
      ...{ from: '2026-01-05', through: '2026-01-31', currency: 'USD' },
      periods: [
        {
          ...{ annualRate: '0.0365', dayCount: 'actual/365' },
          ...{ from: '2026-01-05', through: '2026-01-20' },
          stretches: [
            { balance: '100.00', from: '2026-01-05', through: '2026-01-09' },
            { balance: '1100.00', from: '2026-01-10', through: '2026-01-15' },
            { balance: '1000.00', from: '2026-01-16', through: '2026-01-20' },
          ],
        },
      ],
    });
    await books.post(account, '10.00', '2026-01-03');
    const { adjustments } = await books.accrue({ through: '2026-02-02' });
    // Two days more at the first rate, 16 as before, 11 at the second and one at the third.
    expect(adjustments).toMatchObject([{ from: '2026-01-03', amount: '0.04' }]);
  });

  it('that come to nothing change nothing', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-01']);
    await books.accrue({ through: '2026-01-31' });
    await books.post(account, '500.00', '2026-01-22');
    await books.post(account, '-500.00', '2026-01-22');
    const { adjustments } = await books.accrue({ through: '2026-02-01' });
    expect(adjustments).toEqual([]);
  });

  it('of an account below zero are kept in mind, without a posting', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['-100.00', '2026-01-01']);
    await books.accrue({ through: '2026-01-31' });
    await books.post(account, '60.00', '2026-01-11');
    const { adjustments, transactionIds } = await books.accrue({ through: '2026-02-01' });
    expect(adjustments).toMatchObject([{ amount: '0.00' }]);
    expect(transactionIds).toEqual([]);
    await books.post(account, '1040.00', '2026-01-31');
    const next = await books.accrue({ through: '2026-02-02' });
    expect(next.adjustments).toMatchObject([{ from: '2026-01-31', amount: '0.20' }]);
  });

  it('are refused with everything else where the account cannot give interest back', async () => {
    const books = await startInterestBooks();
    const account = await books.open({ minBalance: '0' });
    await books.post(account, '1000.00', '2026-01-01');
    await books.accrue({ through: '2026-01-31' });
    await books.post(account, '-1003.10', '2026-01-01');
    const refused = { code: 'insufficient_funds', accountId: account.id };
    expect(await books.refusal({ through: '2026-02-01' })).toEqual(refused);
    await books.post(account, '10.00', '2026-02-01');
    const { adjustments } = await books.accrue({ through: '2026-02-01' });
    expect(adjustments).toMatchObject([{ from: '2026-01-01', amount: '-3.10' }]);
  });
});

describe('a transaction of interest', () => {
  it('says which accrual it is part of, and is not reversed alone', async () => {
    const books = await startInterestBooks();
    const deposit = await books.openWith(['1000.00', '2026-01-01']);
    const { transactionIds } = await books.accrue({ through: '2026-01-31' });
    await books.post(deposit, '1000.00', '2026-01-22');
    const next = await books.accrue({ through: '2026-02-10' });
    const { stateReader, ledger } = books.ledger.open;
    const { position } = ledger.head;
    const ids = new Set<string>();
    for (const transactionId of [...transactionIds, ...next.transactionIds]) {
      const { value } = await stateReader.read((db) => readTransaction(db, transactionId));
      const { type, id } = value!.source!;
      expect(type).toBe('interest_accrual');
      ids.add(id);
      const refusal = await books.ledger.refuse(ReverseTransaction, { transactionId });
      expect(refusal).toMatchObject({
        code: 'has_source',
        detail: expect.stringContaining(`POST /v1/interest-accruals/${id}/reverse`) as string,
      });
    }
    // An adjustment and an accrual of one command are one.
    expect([transactionIds.length, next.transactionIds.length, ids.size]).toEqual([1, 2, 2]);
    expect(ledger.head.position).toBe(position);
  });
});

interface Posted {
  readonly date: string;
  readonly minor: bigint;
}
interface Accrued {
  readonly through: string;
  readonly annualRate: string;
  readonly dayCount: DayCount;
}

/** What accruing after the fact would have given: every day on all entries that are known now. */
function afterTheFact(posted: readonly Posted[], accrued: readonly Accrued[]): Rational {
  const first = posted.map((p) => p.date).sort()[0]!;
  let sum = ZERO;
  for (const day of daysBetween(first, accrued.at(-1)!.through)) {
    const { annualRate, dayCount } = accrued.find((a) => day <= a.through)!;
    let balance = 0n;
    for (const { date, minor } of posted) if (date <= day) balance += minor;
    sum = add(sum, interestOfDay(day, balance, annualRate, dayCount));
  }
  return sum;
}

function dayOf(random: Random, limit: number): string {
  const ms = Date.parse('2024-01-15') + random.below(limit) * 86_400_000;
  return new Date(ms).toISOString().slice(0, 10);
}

describe('accruing at random times', () => {
  it('gives in the end what accruing after the fact would have given', async () => {
    const random = seededRandom();
    const books = await startInterestBooks();
    const accounts = await Promise.all(Array.from({ length: 5 }, () => books.open()));
    const posted = new Map<string, Posted[]>(accounts.map((a) => [a.id, []]));
    const post = async (account: AccountDto) => {
      const sign = random.chance(0.4) ? -1n : 1n;
      const minor = sign * BigInt(1 + random.below(random.pick([300, 1_000_000])));
      const date = dayOf(random, 120);
      const text = (Number(minor) / 100).toFixed(2);
      await books.post(account, text, date);
      posted.get(account.id)!.push({ date, minor });
    };
    for (const account of accounts) await post(account);
    const known = new Map<string, Accrued[]>(accounts.map((a) => [a.id, []]));
    for (let round = 1; round <= ROUNDS; round++) {
      for (let i = random.below(8); i > 0; i--) await post(random.pick(accounts));
      const through = new Date(Date.parse('2024-01-20') + round * 9 * 86_400_000).toISOString();
      const annualRate = random.pick(['0.01825', '0.0425', '0.9', '0.000000000001']);
      const dayCount = random.pick(['actual/365', 'actual/360', '30/360'] as const);
      const terms = { through: through.slice(0, 10), annualRate, dayCount };
      const some = accounts.filter(() => random.chance(0.7));
      if (some.length === 0) continue;
      const input = { ...terms, accountIds: some.map((a) => a.id) };
      const { accruals } = await books.accrue(input);
      for (const { accountId } of accruals) known.get(accountId)!.push(terms);
      for (const account of some) {
        const periods = known.get(account.id)!;
        if (periods.length === 0) continue;
        const expected = afterTheFact(posted.get(account.id)!, periods);
        const { accrued: total, carried } = await lastStateOf(books, account);
        const minor = BigInt(total.replace('.', ''));
        expect(minor).toBe(halfEven(expected));
        const exact = { numerator: minor * UNITS + BigInt(carried), denominator: UNITS };
        expect(exact.numerator * expected.denominator).toBe(expected.numerator * UNITS);
        const deposits = posted.get(account.id)!.reduce((sum, p) => sum + p.minor, 0n);
        const { balance } = await currentAccount(books.ledger, account.id);
        expect(BigInt(balance.replace('.', ''))).toBe(deposits + minor);
      }
    }
  });
});
