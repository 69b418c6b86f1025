import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { readChangedAccounts, type EventRange } from '../../../src/proof/diff/diff.queries';
import { openAccount, transfer } from '../../harness/books';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { mixedBooks } from '../replay/mixed-books';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import type { AccountChangeDto, AccountDiffDto } from '../../../src/proof/diff/diff.dto';

const COMMANDS = rounds(300, 600);
const RANGES = rounds(6, 60);

interface Diff extends EventRange {
  data: AccountDiffDto[];
  nextCursor: string | null;
}
interface Event {
  position: number;
  eventId: string;
  type: string;
  data: {
    accountId?: string;
    transactionId?: string;
    postings?: { accountId: string; direction: string; amount: string }[];
  };
}

/** Decimal strings of one currency, added without any code of the program. */
function sum(amounts: readonly string[], like: string): string {
  const digits = like.split('.')[1]?.length ?? 0;
  const total = amounts.reduce((all, amount) => all + BigInt(amount.replace('.', '')), 0n);
  const sign = total < 0n ? '-' : '';
  const text = (total < 0n ? -total : total).toString().padStart(digits + 1, '0');
  return digits === 0
    ? `${sign}${text}`
    : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function negative(amount: string): string {
  return amount.startsWith('-') ? amount.slice(1) : `-${amount}`;
}

describe('the difference between two positions (on real databases)', () => {
  let service: TestService;
  let random: Random;
  let head: number;
  let events: Event[];
  let cold: AccountDto;

  beforeAll(async () => {
    const databases = await cloneDatabases({ lifetime: 'file' });
    random = seededRandom();
    const ledger = await startTestLedger({ databases });
    cold = await openAccount(ledger, { name: 'Cold', clientId: 'cold' });
    const idle = await openAccount(ledger, { clientId: 'idle' });
    await mixedBooks(ledger, random, COMMANDS);
    await ledger.accept(CloseAccount, { accountId: idle.id });
    const other = await openAccount(ledger, { type: 'equity' });
    await ledger.accept(PostTransaction, transfer(cold, other, '3.25'));
    head = ledger.open.ledger.head.position;
    await ledger.close();
    service = await startTestService({ databases });
    events = await everything<Event>('/v1/events?', 200);
  });

  const get = <T>(path: string) => service.api.get<T & Record<string, unknown>>(path);

  async function everything<T>(path: string, limit: number): Promise<T[]> {
    const rows: T[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? '' : `&cursor=${cursor}`;
      const answer = await get<{ data: T[]; nextCursor: string | null }>(
        `${path}&limit=${limit}${next}`,
      );
      expect(answer.status).toBe(200);
      rows.push(...answer.body.data);
      cursor = answer.body.nextCursor;
    } while (cursor !== null);
    return rows;
  }

  /** What an event did to an account; undefined where it left it alone. */
  function changeBy({ position, eventId, type, data }: Event, account: AccountDto) {
    const change = { position, eventId, type, transactionId: data.transactionId ?? null };
    const of = (direction: string) => {
      const own = (data.postings ?? []).filter(
        (p) => p.accountId === account.id && p.direction === direction,
      );
      return {
        postings: own.length,
        total: sum(
          own.map((p) => p.amount),
          account.balance,
        ),
      };
    };
    const [debit, credit] = [of('debit'), of('credit')];
    if (data.accountId !== account.id && debit.postings + credit.postings === 0) return undefined;
    return { ...change, debits: debit.total, credits: credit.total };
  }

  const accountsAt = async (position: number) =>
    position === 0 ? [] : everything<AccountDto>(`/v1/accounts?atPosition=${position}`, 200);

  /** The difference, from two lists of accounts and the events between them. */
  async function naiveDiff({ from, to }: EventRange) {
    const before = new Map((await accountsAt(from)).map((account) => [account.id, account]));
    const between = events.filter((event) => event.position > from && event.position <= to);
    const changed = (await accountsAt(to)).filter((after) => {
      return JSON.stringify(after) !== JSON.stringify(before.get(after.id));
    });
    return changed.map((after) => {
      const old = before.get(after.id);
      return {
        accountId: after.id,
        clientId: after.clientId,
        name: after.name,
        type: after.type,
        currency: after.currency,
        opened: old === undefined,
        closed: after.status === 'closed' && old?.status !== 'closed',
        balanceChange: sum([after.balance, negative(old?.balance ?? '0')], after.balance),
        changes: after.version - (old?.version ?? 0),
        before: old ? totals(old) : null,
        after: totals(after),
        events: between.flatMap((event) => changeBy(event, after) ?? []),
      };
    });
  }

  function totals({ status, balance, debits, credits, version, position }: AccountDto) {
    return { status, balance, debits, credits, version, position };
  }

  /** The difference as the API tells it, with all pages of all lists. */
  async function wholeDiff({ from, to }: EventRange, limit: number) {
    const query = `from=${from}&to=${to}`;
    const accounts = await everything<AccountDiffDto>(`/v1/diff?${query}`, limit);
    const diffs = [];
    for (const { nextEventsCursor, events: first, ...account } of accounts) {
      const path = `/v1/diff/${account.accountId}/events?${query}`;
      const all = await everything<AccountChangeDto>(path, 1 + random.below(40));
      expect(all.slice(0, 10)).toEqual(first);
      const onward = `${path}&limit=200&cursor=${nextEventsCursor}`;
      const rest = nextEventsCursor === null ? [] : (await get<Diff>(onward)).body.data;
      diffs.push({ ...account, events: [...first, ...rest] });
      expect(all).toHaveLength(first.length + rest.length);
    }
    return diffs;
  }

  function anyRange(): EventRange {
    const length = 1 + random.below(random.chance(0.5) ? 10 : head);
    const from = random.below(Math.max(1, head - length));
    return { from, to: Math.min(from + length, head) };
  }

  it('is what the accounts at both and the events between them say', async () => {
    for (let i = 0; i < RANGES; i++) {
      const range = i === 0 ? { from: 0, to: head } : anyRange();
      expect(await wholeDiff(range, 1 + random.below(60))).toEqual(await naiveDiff(range));
    }
  });

  it('finds the same accounts where it asks accounts and not events', async () => {
    const bounds = { eventsRead: 0, accountsAsked: 3 };
    for (let i = 0; i < RANGES; i++) {
      const range = i === 0 ? { from: 0, to: head } : anyRange();
      const found: string[] = [];
      let after: number | undefined = 0;
      for (let pages = 0; after !== undefined; pages++) {
        expect(pages).toBeLessThan(head);
        const at: number = after;
        const { value } = await service.open.stateReader.read((db) =>
          readChangedAccounts(db, range, at, 2, bounds),
        );
        expect(value.accounts.length).toBeLessThanOrEqual(2);
        found.push(...value.accounts.map((account) => account.after.account_id));
        after = value.next;
      }
      expect(found).toEqual((await naiveDiff(range)).map((account) => account.accountId));
    }
  });

  it('goes to the position of the state, and stays there while it is read', async () => {
    const diff = await get<Diff>(`/v1/diff?from=${head - 1}&limit=1`);
    expect(diff.headers.get('ledger-position')).toBe(`${head}`);
    expect(diff.body).toMatchObject({
      from: head - 1,
      to: head,
      data: [
        {
          clientId: 'cold',
          opened: false,
          closed: false,
          changes: 1,
          balanceChange: '3.25',
          before: { balance: '0.00', version: 1, position: 1 },
          after: { balance: '3.25', debits: '3.25', version: 2, position: head },
          events: [{ position: head, type: 'TransactionPosted', debits: '3.25', credits: '0.00' }],
          nextEventsCursor: null,
        },
      ],
    });
    const account = { name: 'Late', type: 'asset', currency: 'USD' };
    expect((await service.api.post('/v1/accounts', account)).status).toBe(201);
    const next = await get<Diff>(`/v1/diff?from=${head - 1}&cursor=${diff.body.nextCursor}`);
    expect(next.body).toMatchObject({ to: head, nextCursor: null, data: [{ type: 'equity' }] });
    expect(next.body.data).toHaveLength(1);
    const since = await get<Diff>(`/v1/diff?from=${head}`);
    expect(since.body).toMatchObject({ to: head + 1, data: [{ name: 'Late', opened: true }] });
    const nothing = await get<Diff>(`/v1/diff?from=${head + 1}`);
    expect(nothing.body).toEqual({ from: head + 1, to: head + 1, data: [], nextCursor: null });
  });

  it('shows an account that was opened or closed and nothing else', async () => {
    const closing = await get<Diff>(`/v1/diff?from=${head - 3}&to=${head - 2}`);
    expect(closing.body.data).toMatchObject([
      {
        clientId: 'idle',
        opened: false,
        closed: true,
        changes: 1,
        before: { status: 'open', version: 1 },
        after: { status: 'closed', version: 2, position: head - 2 },
        events: [{ position: head - 2, type: 'AccountClosed', transactionId: null }],
      },
    ]);
    const opening = await get<Diff>(`/v1/diff?from=${head - 2}&to=${head - 1}`);
    expect(opening.body.data).toMatchObject([
      {
        opened: true,
        closed: false,
        changes: 1,
        before: null,
        after: { status: 'open', version: 1, position: head - 1 },
        events: [{ position: head - 1, type: 'AccountOpened', transactionId: null }],
      },
    ]);
  });

  it.each([
    ['', '/from', 'is missing'],
    ['from=-1', '/from', 'must be a whole number from 0'],
    ['from=2&to=1', '/from', 'must not be above to'],
    ['from=0&to=9999999', '/to', "must not be above the ledger's position"],
    ['from=9999999', '/from', "must not be above the ledger's position"],
    ['from=0&to=5&cursor=WzEsNF0', '/cursor', 'is no cursor of this list'],
    ['from=0&to=5&cursor=WzFd', '/cursor', 'is no cursor of this list'],
    ['from=0&limit=0', '/limit', 'must be a whole number from 1'],
  ])('refuses "%s"', async (query, pointer, message) => {
    for (const path of ['/v1/diff', '/v1/diff/client:cold/events']) {
      const { status, body } = await get(`${path}?${query}`);
      expect([status, body['code']]).toEqual([400, 'validation_failed']);
      const stated = expect.stringContaining(message) as unknown;
      expect(body['errors']).toEqual([{ pointer, message: stated }]);
    }
  });

  it('knows no account that was opened later, nor one that never was', async () => {
    const { id } = (await everything<AccountDto>('/v1/accounts?', 200)).at(-1)!;
    for (const name of [id, 'client:nobody', 'nonsense']) {
      const { status, body } = await get(`/v1/diff/${name}/events?from=0&to=${head}`);
      expect([status, body['code']]).toEqual([404, 'not_found']);
    }
    const unchanged = await get<Diff>(`/v1/diff/client:cold/events?from=1&to=3`);
    expect(unchanged.body).toEqual({ data: [], nextCursor: null });
  });
});
