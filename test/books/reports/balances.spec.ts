import type { BalanceSeriesDto, GroupBalancesDto } from '../../../src/books/reports/balance.dto';
import type {
  BalanceSheetDto,
  IncomeStatementDto,
  ReportSectionDto,
} from '../../../src/books/reports/financial-report.dto';
import { accountsBy } from '../../../src/books/reports/reported-accounts.queries';
import type { TrialBalanceDto } from '../../../src/books/reports/trial-balance.dto';
import { cloneDatabases } from '../../harness/databases';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import {
  balanceOf,
  DatedModel,
  FIRST,
  LAST,
  money,
  type ModelAccount,
  type ModelSums,
} from './dated-model';

const DAY_MS = 86_400_000;
const DIGITS: Record<string, number> = { USD: 2, JPY: 0 };

describe('balances and reports by date and position (on real databases)', () => {
  let service: TestService;
  let random: Random;
  let model: DatedModel;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    random = seededRandom();
    model = new DatedModel(service, random);
    await model.openAccounts(16);
    for (let i = 0; i < rounds(12, 40); i++) {
      await model.post(1 + random.below(60), random.pick([0, 0.1, 0.1, 0.5, 1]));
      if (random.chance(0.8)) await model.change();
    }
  }, 120_000);

  const get = async <T>(path: string) => {
    const { status, body } = await service.api.get<T>(path);
    expect([status, body]).toEqual([200, expect.anything()]);
    return body;
  };

  /** A last day, if any, and a position, if any, with the query that asks for both. */
  function anyWhen(name = 'asOf') {
    const asOf = random.chance(0.8) ? model.anyDay() : undefined;
    const at = random.chance(0.8) ? model.anyPosition() : undefined;
    const query = [
      ...(asOf === undefined ? [] : [`${name}=${asOf}`]),
      ...(at === undefined ? [] : [`atPosition=${at}`]),
    ];
    return { asOf, day: asOf ?? LAST, position: at ?? model.head, query };
  }

  const openedAt = (position: number) => model.accounts.filter((a) => a.openedAt <= position);
  const isIn = (group: string | null, top: string) =>
    group === top || (group ?? '').startsWith(`${top}:`);
  const total = (sums: readonly ModelSums[]) => ({
    debits: sums.reduce((sum, one) => sum + one.debits, 0n),
    credits: sums.reduce((sum, one) => sum + one.credits, 0n),
  });

  it('of an account are those of the model', async () => {
    for (let i = 0; i < rounds(200, 2_000); i++) {
      const account = random.pick(model.accounts);
      const { day, query, ...when } = anyWhen();
      if (when.position < account.openedAt) continue;
      const { debits, credits } = model.sums(account, FIRST, day, when.position);
      expect(await get(`/v1/accounts/${account.id}?${query.join('&')}`)).toMatchObject({
        balance: money(account, balanceOf(account, { debits, credits })),
        debits: money(account, debits),
        credits: money(account, credits),
      });
    }
  });

  it('of an account over time are those of the model', async () => {
    for (let i = 0; i < rounds(12, 100); i++) {
      const account = random.pick(model.accounts);
      const [from, to] = [model.anyDay(), model.anyDay()].sort() as [string, string];
      const position = Math.max(account.openedAt, model.anyPosition());
      const interval = random.pick(['day', 'week', 'month']);
      const path = `/v1/accounts/${account.id}/balances?from=${from}&to=${to}`;
      const { currency, points } = await get<BalanceSeriesDto>(
        `${path}&interval=${interval}&atPosition=${position}`,
      );
      expect(currency).toBe(account.currency);
      const days: string[] = [];
      for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS) {
        const day = new Date(at);
        const isLast = at === Date.parse(to);
        const endsMonth = new Date(at + DAY_MS).getUTCDate() === 1;
        const ends = { day: true, week: day.getUTCDay() === 0, month: endsMonth }[interval];
        if (ends || isLast) days.push(day.toISOString().slice(0, 10));
      }
      expect(points).toEqual(
        days.map((date) => ({
          date,
          balance: money(account, balanceOf(account, model.sums(account, FIRST, date, position))),
        })),
      );
    }
  });

  it('add up in trial balances, net and moved, of all and of groups', async () => {
    for (let i = 0; i < rounds(30, 300); i++) {
      const { asOf, day, position, query } = anyWhen();
      const from = asOf !== undefined && random.chance(0.5) ? model.anyDay() : undefined;
      if (from !== undefined && from > day) continue;
      const group = random.chance(0.5) ? random.pick(['a', 'a:b', 'e', 'none']) : undefined;
      if (from !== undefined) query.push(`from=${from}`);
      if (group !== undefined) query.push(`group=${group}`);
      const found = await get<TrialBalanceDto>(`/v1/reports/trial-balance?${query.join('&')}`);
      expect(found).toMatchObject({ position, asOf: asOf ?? null, from: from ?? null });
      const rows = openedAt(position)
        .filter((a) => group === undefined || isIn(model.factsAt(a, position).group, group))
        .map((account) => {
          const { debits, credits } = model.sums(account, from ?? FIRST, day, position);
          const net = debits - credits;
          const sides = net > 0n ? [net, 0n] : [0n, -net];
          const [debit, credit] = from === undefined ? sides : [debits, credits];
          const { name, group: path } = model.factsAt(account, position);
          return {
            ...{ accountId: account.id, name, group: path, type: account.type },
            clientId: expect.stringMatching(/^account-/) as string,
            ...{ debit: money(account, debit!), credit: money(account, credit!) },
          };
        });
      expect(found.currencies.flatMap((currency) => currency.rows)).toEqual(
        expect.arrayContaining(rows),
      );
      expect(found.currencies.flatMap((currency) => currency.rows)).toHaveLength(rows.length);
      for (const { totalDebit, totalCredit } of found.currencies) {
        if (group === undefined) expect(totalDebit).toBe(totalCredit);
      }
    }
  });

  it('of many accounts are the same by looks and by a pass over all entries', async () => {
    for (let i = 0; i < rounds(20, 200); i++) {
      const { asOf, position } = anyWhen();
      const at = random.chance(0.7) ? position : undefined;
      const group = random.chance(0.3) ? random.pick(['a', 'a:b', 'e']) : undefined;
      const of = { asOf, position: at, group };
      const { value } = await service.open.stateReader.read(async (db) => ({
        looks: await accountsBy.looks(db, of),
        pass: await accountsBy.pass(db, of),
      }));
      expect(value.looks).toEqual(value.pass);
    }
  });

  it('of groups are the sums of all below them, where the accounts were', async () => {
    for (let i = 0; i < rounds(30, 300); i++) {
      const { asOf, day, position, query } = anyWhen();
      const top = random.chance(0.5) ? random.pick(['a', 'a:b', 'e', 'none']) : undefined;
      const depth = random.chance(0.5) ? 1 + random.below(3) : undefined;
      if (top !== undefined) query.push(`group=${top}`);
      if (depth !== undefined) query.push(`depth=${depth}`);
      const found = await get<GroupBalancesDto>(`/v1/balances?${query.join('&')}`);
      const accounts = openedAt(position).map((account) => ({
        account,
        group: model.factsAt(account, position).group,
      }));
      const paths = new Set<string>();
      for (const { group } of accounts) {
        const names = group?.split(':') ?? [];
        for (let n = 1; n <= names.length; n++) paths.add(names.slice(0, n).join(':'));
      }
      const levels = (path: string) => path.split(':').length;
      const most = (depth ?? 99) + (top === undefined ? 0 : levels(top));
      const shown = [...paths]
        .filter((path) => (top === undefined || isIn(path, top)) && levels(path) <= most)
        .sort();
      const groups = shown.map((path) =>
        viewOf(
          path,
          accounts.filter((a) => a.group && isIn(a.group, path)),
          day,
          position,
        ),
      );
      const rest = accounts.filter(({ group }) => group === null);
      if (top === undefined && rest.length > 0) groups.push(viewOf(null, rest, day, position));
      expect(found).toEqual({ position, asOf: asOf ?? null, groups });
    }
  });

  function viewOf(
    group: string | null,
    accounts: readonly { account: ModelAccount }[],
    day: string,
    position: number,
  ) {
    const byCurrency = Map.groupBy(accounts, ({ account }) => account.currency);
    return {
      ...{ group, accounts: accounts.length },
      currencies: [...byCurrency].sort().map(([currency, of]) => {
        const sums = total(of.map(({ account }) => model.sums(account, FIRST, day, position)));
        const digits = { digits: DIGITS[currency]! };
        return {
          currency,
          debits: money(digits, sums.debits),
          credits: money(digits, sums.credits),
          net: money(digits, sums.debits - sums.credits),
        };
      }),
    };
  }

  /** A section as the model has it: its total, and what is not at zero by group. */
  function expectSection(
    section: ReportSectionDto,
    accounts: readonly ModelAccount[],
    digits: number,
    balance: (account: ModelAccount) => bigint,
    position: number,
  ) {
    const sum = accounts.reduce((all, account) => all + balance(account), 0n);
    expect(section.total).toBe(money({ digits }, sum));
    const moved = accounts.filter((account) => balance(account) !== 0n);
    const found = section.groups.flatMap(({ group, accounts: rows }) =>
      rows.map((row) => ({ group, id: row.accountId, balance: row.balance })),
    );
    const expected = moved.map((account) => ({
      group: model.factsAt(account, position).group,
      id: account.id,
      balance: money({ digits }, balance(account)),
    }));
    expect(found).toEqual(expect.arrayContaining(expected));
    expect(found).toHaveLength(expected.length);
    for (const { total: shown, accounts: rows } of section.groups) {
      const minor = rows.reduce((all, row) => all + BigInt(row.balance.replace('.', '')), 0n);
      expect(shown).toBe(money({ digits }, minor));
    }
  }

  it('stand on balance sheets that balance, and on income statements', async () => {
    for (let i = 0; i < rounds(30, 300); i++) {
      const { asOf, day, position, query } = anyWhen();
      const compareTo = random.chance(0.5) ? model.anyDay() : undefined;
      if (compareTo !== undefined) query.push(`compareTo=${compareTo}`);
      const sheet = await get<BalanceSheetDto>(`/v1/reports/balance-sheet?${query.join('&')}`);
      expect(sheet).toMatchObject({ position, asOf: asOf ?? null, compareTo: compareTo ?? null });
      for (const of of sheet.currencies) {
        const digits = DIGITS[of.currency]!;
        const balance = (account: ModelAccount, on = day) =>
          balanceOf(account, model.sums(account, FIRST, on, position));
        const typed = (type: string) =>
          openedAt(position).filter((a) => a.type === type && a.currency === of.currency);
        if (compareTo === undefined) {
          expectSection(of.assets, typed('asset'), digits, balance, position);
          expectSection(of.liabilities, typed('liability'), digits, balance, position);
          expectSection(of.equity, typed('equity'), digits, balance, position);
        } else {
          const sum = typed('asset').reduce((all, a) => all + balance(a, compareTo), 0n);
          expect(of.assets.compare).toBe(money({ digits }, sum));
          expect(of.compare!.totalAssets).toBe(of.compare!.totalLiabilitiesAndEquity);
        }
        expect(of.totalAssets).toBe(of.totalLiabilitiesAndEquity);
        expect(of.totalAssets).toBe(of.assets.total);
      }
      const from = model.anyDay();
      const to = asOf !== undefined && asOf >= from ? asOf : undefined;
      const statement = await get<IncomeStatementDto>(
        `/v1/reports/income-statement?from=${from}${to === undefined ? '' : `&to=${to}`}` +
          `&atPosition=${position}`,
      );
      for (const of of statement.currencies) {
        const digits = DIGITS[of.currency]!;
        const balance = (account: ModelAccount) =>
          balanceOf(account, model.sums(account, from, to ?? LAST, position));
        const typed = (type: string) =>
          openedAt(position).filter((a) => a.type === type && a.currency === of.currency);
        expectSection(of.income, typed('income'), digits, balance, position);
        expectSection(of.expense, typed('expense'), digits, balance, position);
      }
    }
  });
});
