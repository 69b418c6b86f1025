import {
  listAccounts,
  listEntries,
  readAccount,
} from '../../../src/books/accounts/account.queries';
import { accountView } from '../../../src/books/accounts/account.view';
import { readTrialBalance } from '../../../src/books/reports/trial-balance.queries';
import {
  listTransactions,
  readTransaction,
} from '../../../src/books/transactions/transaction.queries';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { mixedBooks } from '../../proof/replay/mixed-books';
import { openRebuiltState, type RebuiltState } from '../../harness/rebuilt-state';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import type { TransactionDto } from '../../../src/books/transactions/transaction.dto';

const COMMANDS = rounds(400, 600);
const POSITIONS = rounds(6, 64);
const ALL = 1_000_000;
const BEGIN = { position: 0, ordinal: -1 };

interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

describe('the books as of a position (on real databases)', () => {
  let service: TestService;
  let rebuilt: RebuiltState;
  let random: Random;
  let head: number;
  /** As they are now. */
  let posted: TransactionDto[];
  let opened: AccountDto[];

  beforeAll(async () => {
    const databases = await cloneDatabases({ lifetime: 'file' });
    random = seededRandom();
    const ledger = await startTestLedger({ databases });
    await mixedBooks(ledger, random, COMMANDS);
    head = ledger.open.ledger.head.position;
    await ledger.close();
    rebuilt = await openRebuiltState(databases);
    service = await startTestService({ databases });
    posted = await everything<TransactionDto>('/v1/transactions?');
    opened = await everything<AccountDto>('/v1/accounts?');
  });

  const get = <T>(path: string) => service.api.get<T & Record<string, unknown>>(path);

  /** A list's rows, page by page. */
  async function everything<T>(path: string, limit = 200): Promise<T[]> {
    const rows: T[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { status, body } = await get<Page<T>>(`${path}&limit=${limit}${next}`);
      expect(status).toBe(200);
      rows.push(...body.data);
      cursor = body.nextCursor;
    } while (cursor !== null);
    return rows;
  }

  const anyDate = () => `2026-0${1 + random.below(9)}-1${random.below(10)}`;

  async function compareAccounts(at: number): Promise<void> {
    const { db } = rebuilt;
    const { rows } = await listAccounts(db, {}, 0, ALL);
    const path = `/v1/accounts?atPosition=${at}`;
    expect(await everything(path)).toEqual(rows.map(accountView));
    for (const status of ['open', 'closed'] as const) {
      const filter = { status, currency: 'USD' };
      const some = (await listAccounts(db, filter, 0, ALL)).rows.map(accountView);
      expect(await everything(`${path}&status=${status}&currency=USD`, 3)).toEqual(some);
    }
    for (let i = 0; i < 8; i++) {
      const { id } = random.pick(opened);
      const row = await readAccount(db, id);
      const { status, body } = await get(`/v1/accounts/${id}?atPosition=${at}`);
      if (row) expect(body).toEqual(accountView(row));
      else expect([status, body['code']]).toEqual([404, 'not_found']);
    }
  }

  async function compareTrialBalances(at: number): Promise<void> {
    for (const asOf of [undefined, anyDate(), anyDate()]) {
      const dated = asOf === undefined ? '' : `&asOf=${asOf}`;
      const { body } = await get(`/v1/reports/trial-balance?atPosition=${at}${dated}`);
      const currencies = await readTrialBalance(rebuilt.db, { asOf });
      expect(body).toEqual({ position: at, asOf: asOf ?? null, from: null, currencies });
    }
  }

  async function compareEntries(at: number): Promise<void> {
    const { rows: accounts } = await listAccounts(rebuilt.db, {}, 0, ALL);
    for (let i = 0; i < 3; i++) {
      const account = random.pick(accounts);
      const [from, to] = [anyDate(), anyDate()].sort();
      for (const dates of [{}, { from, to }]) {
        const rows = await listEntries(rebuilt.db, account, dates, BEGIN, ALL);
        const dated = 'from' in dates ? `&from=${from}&to=${to}` : '';
        const path = `/v1/accounts/${account.account_id}/entries?atPosition=${at}${dated}`;
        const views = rows.map(({ ordinal: _, ...entry }) => entry);
        expect(await everything(path, 1 + random.below(20))).toEqual(views);
      }
    }
  }

  async function compareTransactions(at: number): Promise<void> {
    const { db } = rebuilt;
    const path = `/v1/transactions?atPosition=${at}`;
    expect(await everything(path)).toEqual((await listTransactions(db, {}, 0, ALL)).rows);
    const account = random.pick((await listAccounts(db, {}, 0, ALL)).rows);
    const filter = { accountId: account.account_id, from: anyDate() };
    const filtered = `${path}&accountId=${account.account_id}&from=${filter.from}`;
    expect(await everything(filtered, 7)).toEqual(
      (await listTransactions(db, filter, 0, ALL)).rows,
    );
    for (let i = 0; i < 10; i++) {
      const { id } = random.pick(posted);
      const transaction = await readTransaction(db, id);
      const { status, body } = await get(`/v1/transactions/${id}?atPosition=${at}`);
      if (transaction) expect(body).toEqual(transaction);
      else expect([status, body['code']]).toEqual([404, 'not_found']);
    }
  }

  it('are those that a replay to that position makes', async () => {
    const chosen = Array.from({ length: POSITIONS }, () => 1 + random.below(head));
    const positions = [...new Set([1, ...chosen, head])].sort((a, b) => a - b);
    expect(posted.filter((t) => t.reversedBy !== null).length).toBeGreaterThan(20);
    for (const at of positions) {
      await rebuilt.advanceTo(at);
      await compareAccounts(at);
      await compareTrialBalances(at);
      await compareEntries(at);
      await compareTransactions(at);
    }
  });

  it('know a reversal from its own event on', async () => {
    const { id, reversedBy, position } = posted.find((t) => t.reversedBy !== null)!;
    const reversal = posted.find((t) => t.id === reversedBy)!.position;
    const at = async (p: number) => (await get(`/v1/transactions/${id}?atPosition=${p}`)).body;
    expect(await at(position)).toMatchObject({ reversedBy: null });
    expect(await at(reversal - 1)).toMatchObject({ reversedBy: null });
    expect(await at(reversal)).toMatchObject({ reversedBy });
    expect((await at(position - 1))['code']).toBe('not_found');
  });

  it('have no entries and no transactions of an account that was not open yet', async () => {
    const last = (await everything<AccountDto>('/v1/accounts?')).at(-1)!;
    const position = (
      await get<{ data: { position: number; data: { accountId: string } }[] }>(
        `/v1/events?type=AccountOpened&limit=200`,
      )
    ).body.data.find((event) => event.data.accountId === last.id)!.position;
    const entries = await get(`/v1/accounts/${last.id}/entries?atPosition=${position - 1}`);
    expect([entries.status, entries.body['code']]).toEqual([404, 'not_found']);
    const path = `/v1/transactions?accountId=${last.id}&atPosition=${position - 1}`;
    expect((await get(path)).body).toEqual({ data: [], nextCursor: null });
    expect((await get(`/v1/accounts/${last.id}/entries?atPosition=${position}`)).body).toEqual({
      data: [],
      nextCursor: null,
    });
  });

  it('can be asked for by a time', async () => {
    const events = await everything<{ position: number; recordedAt: string }>('/v1/events?');
    const byTime = events.map(({ recordedAt }) => Date.parse(recordedAt));
    const lastUntil = (ms: number) => byTime.filter((time) => time <= ms).length;
    const some = Array.from({ length: 20 }, () => random.pick(byTime));
    const times = [byTime[0]!, byTime.at(-1)!, ...some].flatMap((ms) => [ms - 1, ms, ms + 1]);
    const paths = ['accounts', 'transactions', `accounts/${opened[0]!.id}/entries`]
      .map((path) => `/v1/${path}?limit=200`)
      .concat(`/v1/accounts/${opened[0]!.id}?`, `/v1/transactions/${posted[0]!.id}?`);
    for (const ms of times) {
      const at = `at=${new Date(ms).toISOString()}`;
      const position = lastUntil(ms);
      expect((await get(`/v1/reports/trial-balance?${at}`)).body['position']).toBe(position);
      if (position === 0) continue;
      const path = random.pick(paths);
      const found = await get(`${path}&${at}`);
      const expected = (await get(`${path}&atPosition=${position}`)).body;
      const hidden = { nextCursor: undefined, instance: undefined };
      expect({ ...found.body, ...hidden }).toEqual({ ...expected, ...hidden });
    }
    const early = 'at=1999-12-31T23:59:59%2B01:00';
    expect((await get(`/v1/accounts?${early}`)).body).toEqual({ data: [], nextCursor: null });
    expect((await get(`/v1/transactions?${early}`)).body).toEqual({ data: [], nextCursor: null });
    expect((await get(`/v1/accounts/${opened[0]!.id}?${early}`)).status).toBe(404);
    expect((await get(`/v1/transactions/${posted[0]!.id}?${early}`)).status).toBe(404);
    for (const [path, pointer] of [
      ['/v1/accounts?at=2026-01-01T00:00:00Z&atPosition=1', '/at'],
      ['/v1/reports/trial-balance?at=yesterday', '/at'],
    ] as const) {
      const { status, body } = await get(path);
      expect([status, body]).toMatchObject([400, { errors: [{ pointer }] }]);
    }
  });

  it('go on with the time that they began with, page by page', async () => {
    const { recordedAt } = posted[Math.floor(posted.length / 2)]!;
    const path = `/v1/transactions?at=${recordedAt}`;
    const until = posted.filter((transaction) => transaction.recordedAt <= recordedAt);
    const ids = (rows: TransactionDto[]) => rows.map(({ id }) => id);
    expect(ids(await everything<TransactionDto>(path, 7))).toEqual(ids(until));
  });
});
