import type {
  BalanceSheetDto,
  IncomeStatementDto,
} from '../../../src/books/reports/financial-report.dto';
import type { GeneralLedgerDto } from '../../../src/books/reports/general-ledger.dto';
import type { StatementDto } from '../../../src/books/reports/statement.dto';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { startTestService } from '../../harness/service';
import { PeriodBooks, type PeriodClose } from '../periods/period-books';
import { money } from './dated-model';

const USD = { digits: 2 };

async function startBooks(): Promise<PeriodBooks> {
  const books = new PeriodBooks((await startTestService()).api);
  await books.open('cash', 'asset');
  await books.open('sales', 'income', { group: 'result:sales' });
  await books.open('rent', 'expense', { group: 'result:rent' });
  await books.open('equity', 'equity');
  return books;
}

async function closed(books: PeriodBooks, through: string): Promise<PeriodClose> {
  const { status, body } = await books.close(through, ['equity']);
  expect([status, body]).toEqual([201, expect.anything()]);
  return body;
}

describe('reports of periods that are closed', () => {
  /** January with a result of 70.00 and February with one of -30.00. */
  async function twoMonths() {
    const books = await startBooks();
    await books.post('cash', 'sales', '100.00', '2025-01-10');
    const { body: rent } = await books.post('rent', 'cash', '30.00', '2025-01-31');
    const january = await closed(books, '2025-01-31');
    await books.post('cash', 'sales', '50.00', '2025-02-10');
    await books.post('rent', 'cash', '80.00', '2025-02-11');
    const february = await closed(books, '2025-02-28');
    return { books, january, february, beforeCloses: rent.position };
  }
  const incomeOf = async (books: PeriodBooks, query: string) => {
    const path = `/v1/reports/income-statement?${query}`;
    const { currencies } = await books.get<IncomeStatementDto>(path);
    return currencies.map(({ income, expense, result }) => [income.total, expense.total, result]);
  };
  const sheetOf = async (books: PeriodBooks, query: string) => {
    const path = `/v1/reports/balance-sheet?${query}`;
    const { currencies } = await books.get<BalanceSheetDto>(path);
    return currencies.map(({ equity, result, totalAssets }) => [equity.total, result, totalAssets]);
  };

  it('earn on an income statement what they earned before', async () => {
    const { books, beforeCloses } = await twoMonths();
    const january = [['100.00', '30.00', '70.00']];
    const both = [['150.00', '110.00', '40.00']];
    expect(await incomeOf(books, 'from=2025-01-01&to=2025-01-31')).toEqual(january);
    expect(await incomeOf(books, 'to=2025-01-31')).toEqual(january);
    expect(await incomeOf(books, `atPosition=${beforeCloses}`)).toEqual(january);
    expect(await incomeOf(books, 'from=2025-02-01')).toEqual([['50.00', '80.00', '-30.00']]);
    expect(await incomeOf(books, 'from=2025-01-31&to=2025-01-31')).toEqual([
      ['0.00', '30.00', '-30.00'],
    ]);
    expect(await incomeOf(books, '')).toEqual(both);
    expect(await incomeOf(books, 'from=2025-01-01&to=2025-02-28')).toEqual(both);
    expect(await incomeOf(books, 'from=2025-03-01')).toEqual([['0.00', '0.00', '0.00']]);
  });

  it('have their result in equity, or beside it while they are open', async () => {
    const { books, january, february, beforeCloses } = await twoMonths();
    const until = 'asOf=2025-01-31';
    expect(await sheetOf(books, until)).toEqual([['70.00', '0.00', '70.00']]);
    expect(await sheetOf(books, `${until}&atPosition=${beforeCloses}`)).toEqual([
      ['0.00', '70.00', '70.00'],
    ]);
    expect(await sheetOf(books, `asOf=2025-02-15&atPosition=${january.position}`)).toEqual([
      ['70.00', '0.00', '70.00'],
    ]);
    expect(await sheetOf(books, 'asOf=2025-02-15')).toEqual([['70.00', '-30.00', '40.00']]);
    expect(await sheetOf(books, '')).toEqual([['40.00', '0.00', '40.00']]);
    const { body: known } = await books.reopen(february);
    expect(await sheetOf(books, '')).toEqual([['70.00', '-30.00', '40.00']]);
    await books.post('cash', 'sales', '5.00', '2025-02-20');
    const asked = 'from=2025-02-01&to=2025-02-28';
    expect(await incomeOf(books, asked)).toEqual([['55.00', '80.00', '-25.00']]);
    for (const position of [february.position, known.reopened!.position]) {
      const then = `${asked}&atPosition=${position}`;
      expect(await incomeOf(books, then)).toEqual([['50.00', '80.00', '-30.00']]);
    }
    expect(await sheetOf(books, `atPosition=${february.position}`)).toEqual([
      ['40.00', '0.00', '40.00'],
    ]);
    await closed(books, '2025-02-28');
    expect(await incomeOf(books, asked)).toEqual([['55.00', '80.00', '-25.00']]);
    expect(await sheetOf(books, '')).toEqual([['45.00', '0.00', '45.00']]);
  });

  it('end on statements and in the ledger with what carried them to equity', async () => {
    const { books, february } = await twoMonths();
    const january = 'from=2025-01-01&to=2025-01-31';
    const path = `/v1/accounts/client:sales/statement?${january}`;
    const statement = await books.get<StatementDto>(path);
    expect(statement).toMatchObject({
      ...{ opening: '0.00', closing: '0.00', totalDebits: '100.00', totalCredits: '100.00' },
      entries: [
        { effectiveDate: '2025-01-10', amount: '100.00', balance: '100.00' },
        { effectiveDate: '2025-01-31', amount: '100.00', balance: '0.00' },
      ],
    });
    const counter = statement.entries[1]!.counterAccounts.map(({ clientId }) => clientId);
    expect(counter).toContain('equity');
    await books.reopen(february);
    const days = 'from=2025-02-01&to=2025-02-28';
    const ledger = await books.get<GeneralLedgerDto>(
      `/v1/reports/general-ledger?${days}&group=result`,
    );
    const shown = ledger.accounts.map(({ account, opening, closing, entries }) => {
      const moves = entries.map(({ direction, amount, balance }) => [direction, amount, balance]);
      return [account.clientId, opening, moves, closing];
    });
    expect(shown).toEqual([
      [
        ...['sales', '0.00'],
        [
          ['credit', '50.00', '50.00'],
          ['debit', '50.00', '0.00'],
          ['credit', '50.00', '50.00'],
        ],
        '50.00',
      ],
      [
        ...['rent', '0.00'],
        [
          ['debit', '80.00', '80.00'],
          ['credit', '80.00', '0.00'],
          ['debit', '80.00', '80.00'],
        ],
        '80.00',
      ],
    ]);
  });

  it('are those of a list of what was posted, whatever was closed and opened', async () => {
    const books = await startBooks();
    const random = seededRandom();
    const posted: { date: string; position: number; isIncome: boolean; minor: bigint }[] = [];
    const closes: PeriodClose[] = [];
    const dayOf = (day: number) => new Date(Date.UTC(2024, 0, day)).toISOString().slice(0, 10);
    const closedDays = () => (closes.length === 0 ? 0 : dayNumber(closes.at(-1)!.through));
    const dayNumber = (day: string) => Math.round(Date.parse(day) / 86_400_000) - 19_722;
    for (let i = 0; i < rounds(60, 200); i++) {
      const what = random.below(8);
      if (what === 0) {
        closes.push(await closed(books, dayOf(closedDays() + 1 + random.below(30))));
      } else if (what === 1 && closes.length > 0) {
        expect((await books.reopen(closes.pop()!)).status).toBe(200);
      } else {
        const date = dayOf(closedDays() + 1 + random.below(40));
        const minor = BigInt(1 + random.below(100_000));
        const isIncome = random.chance(0.6);
        const [debit, credit] = isIncome ? ['cash', 'sales'] : ['rent', 'cash'];
        const { status, body } = await books.post(debit, credit, money(USD, minor), date);
        expect([status, body]).toEqual([201, expect.anything()]);
        posted.push({ date, position: body.position, isIncome, minor });
      }
    }
    const lastDay = 10 + Math.max(...posted.map(({ date }) => dayNumber(date)));
    const sumOf = (isIncome: boolean, from: string, to: string, position: number) =>
      posted
        .filter((one) => one.isIncome === isIncome && one.position <= position)
        .filter((one) => one.date >= from && one.date <= to)
        .reduce((sum, { minor }) => sum + minor, 0n);
    for (let i = 0; i < rounds(40, 200); i++) {
      const [from, to] = [1, 2].map(() => 1 + random.below(lastDay)).sort((a, b) => a - b);
      const position = 4 + random.below(posted.at(-1)!.position - 3);
      const days = [dayOf(from!), dayOf(to!)] as const;
      const [income, expense] = [true, false].map((side) => sumOf(side, ...days, position));
      const asked = `from=${days[0]}&to=${days[1]}&atPosition=${position}`;
      expect(await incomeOf(books, asked)).toEqual([
        [income!, expense!, income! - expense!].map((minor) => money(USD, minor)),
      ]);
      // Wherever the closes carried it: equity and result have together what was earned until then.
      const until = ['0001-01-01', days[1]] as const;
      const earned = sumOf(true, ...until, position) - sumOf(false, ...until, position);
      const [sheet] = await sheetOf(books, `asOf=${days[1]}&atPosition=${position}`);
      const minor = (text: string) => BigInt(text.replace('.', ''));
      expect(minor(sheet![0]!) + minor(sheet![1]!)).toBe(earned);
      expect(sheet![2]).toBe(money(USD, earned));
    }
  });
});
