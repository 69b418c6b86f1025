import { parse } from 'csv-parse/sync';
import type { GeneralLedgerDto } from '../../../src/books/reports/general-ledger.dto';
import type { AccountStatementDto } from '../../../src/books/reports/statement.dto';
import { cloneDatabases } from '../../harness/databases';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { DatedModel, FIRST, LAST } from './dated-model';

describe('the general ledger (on real databases)', () => {
  let service: TestService;
  let random: Random;
  let model: DatedModel;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    random = seededRandom();
    model = new DatedModel(service, random);
    await model.openAccounts(12);
    for (let i = 0; i < rounds(8, 20); i++) {
      await model.post(1 + random.below(50), random.pick([0, 0.1, 0.5, 1]));
      if (random.chance(0.5)) await model.change();
      // Accounts that nothing is posted to stand between the others.
      if (i === 3) await model.openAccounts(3, 'later');
    }
  }, 120_000);

  /** All pages, while others post; an account that goes on stands on each of its pages. */
  async function ledger(query: string, limit: number) {
    const accounts: AccountStatementDto[] = [];
    let [cursor, first] = ['', undefined as GeneralLedgerDto | undefined];
    for (;;) {
      const asked = cursor === '' ? `?${query}&limit=${limit}` : `?cursor=${cursor}&limit=${limit}`;
      const { status, body } = await service.api.get<GeneralLedgerDto & Record<string, unknown>>(
        `/v1/reports/general-ledger${asked}`,
      );
      expect([status, body]).toEqual([200, expect.anything()]);
      first ??= body;
      const { accounts: page, nextCursor, ...rest } = body;
      const { position, from, to } = first;
      expect(rest).toEqual({ position, from, to });
      expect(page.flatMap(({ entries }) => entries).length).toBeLessThanOrEqual(limit);
      expect(page.length).toBeLessThanOrEqual(limit + 1);
      for (const { entries, ...of } of page) {
        const known = accounts.at(-1);
        if (known?.account.id !== of.account.id) accounts.push({ ...of, entries: [...entries] });
        else {
          expect({ ...known, entries: [] }).toEqual({ ...of, entries: [] });
          known.entries.push(...entries);
        }
      }
      if (nextCursor === null) return { ...first, accounts };
      if (random.chance(0.2)) await model.post(2, 0.5);
      cursor = nextCursor;
    }
  }

  function anyQuery() {
    const at = random.chance(0.6) ? model.anyPosition() : undefined;
    const [from, to] = [model.anyDay(), model.anyDay()].sort() as [string, string];
    const [hasFrom, hasTo] = [random.chance(0.7), random.chance(0.7)];
    const group = random.chance(0.4) ? random.pick(['a', 'a:b', 'e', 'none']) : undefined;
    const query = [
      ...(at === undefined ? [] : [`atPosition=${at}`]),
      ...(hasFrom ? [`from=${from}`] : []),
      ...(hasTo ? [`to=${to}`] : []),
      ...(group === undefined ? [] : [`group=${group}`]),
    ];
    return { query, group, from: hasFrom ? from : FIRST, to: hasTo ? to : LAST };
  }

  /** What it has to say, as the model has it. */
  function expected({ group, from, to }: ReturnType<typeof anyQuery>, position: number) {
    return model.accounts
      .filter(({ openedAt }) => openedAt <= position)
      .map((account) => ({ account, facts: model.factsAt(account, position) }))
      .filter(({ facts }) => {
        return group === undefined || `${facts.group}:`.startsWith(`${group}:`);
      })
      .map(({ account, facts }) => ({
        account: expect.objectContaining({
          ...{ id: account.id, name: facts.name, group: facts.group, currency: account.currency },
        }) as unknown,
        ...model.statementOf(account, from, to, position),
      }));
  }

  it('is that of an independent model, at any dates and positions', async () => {
    for (let i = 0; i < rounds(20, 60); i++) {
      const asked = anyQuery();
      const limit = random.pick([7, 20, 50, 200]);
      const { position, accounts } = await ledger(asked.query.join('&'), limit);
      expect(accounts).toEqual(expected(asked, position));
    }
  });

  it('has as CSV the same entries, between the balances of each account', async () => {
    for (let i = 0; i < rounds(3, 9); i++) {
      const asked = anyQuery();
      const answer = await fetch(
        `${service.url}/v1/reports/general-ledger?${asked.query.join('&')}`,
        { headers: { authorization: `Bearer ${service.key}`, accept: 'text/csv' } },
      );
      expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
      const position = Number(answer.headers.get('ledger-position'));
      const rows = parse<Record<string, string>>(await answer.text(), { columns: true });
      const known = asked.query.find((part) => part.startsWith('atPosition='))?.slice(11);
      const statements = expected(asked, known === undefined ? position : Number(known));
      const shown = statements.flatMap(({ opening, entries, closing }) => [
        ['opening', opening],
        ...entries.map((entry) => ['entry', entry.balance, entry.amount, entry.transactionId]),
        ['closing', closing],
      ]);
      const cells = rows.map(({ row, balance, amount, transactionId }) =>
        row === 'entry' ? [row, balance, amount, transactionId] : [row, balance],
      );
      expect(cells).toEqual(shown);
    }
  });

  it('refuses what no page gave, and pages of CSV', async () => {
    const get = (path: string) => service.api.get(`/v1/reports/general-ledger?${path}`);
    const { body } = await service.api.get<{ nextCursor: string }>(
      '/v1/reports/general-ledger?limit=1',
    );
    const [route, filters, key] = JSON.parse(
      Buffer.from(body.nextCursor, 'base64url').toString(),
    ) as [string, object, number[]];
    const forged = (position: number[]) =>
      Buffer.from(JSON.stringify([route, filters, position])).toString('base64url');
    const [position] = key as [number];
    for (const other of [
      [position, 999_999_999, 20200101, 5, 0, 0],
      [position, key[1]!, 20201301, 5, 0, 0],
      [position, key[1]!],
    ]) {
      expect(await get(`cursor=${forged(other)}`)).toMatchObject({
        ...{ status: 400, body: { errors: [{ pointer: '/cursor' }] } },
      });
    }
    expect(await get(`cursor=${body.nextCursor}&group=a`)).toMatchObject({ status: 400 });
    for (const [query, pointer] of [
      ['format=csv&limit=5', '/limit'],
      ['from=2020-02-01&to=2020-01-01', '/to'],
      ['order=desc', '/order'],
      ['group=%25', '/group'],
      ['format=pdf', '/format'],
    ]) {
      const answer = await get(query!);
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
    }
  });
});
