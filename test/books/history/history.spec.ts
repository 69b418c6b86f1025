import type { HistoryEventDto } from '../../../src/books/history/history.dto';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { mixedBooks } from '../../proof/replay/mixed-books';

const COMMANDS = rounds(300, 800);
const KINDS = [
  'accounts',
  'transactions',
  'companies',
  'orders',
  'holds',
  'webhook-subscriptions',
] as const;
/** Of a thousand postings each, which are 4 MiB and more. */
const LARGE_CAPTURES = 36;
const OF_EACH = rounds(6, 40);

type View = Record<string, unknown> & { id: string };
interface Explained {
  balance: string;
  entries: number;
  firstEntries: { position: number; amount: string }[];
  lastEntries: { position: number; amount: string }[];
}
interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

describe('the history of one thing', () => {
  let service: TestService;
  let random: Random;

  beforeAll(async () => {
    const databases = await cloneDatabases({ lifetime: 'file' });
    random = seededRandom();
    const ledger = await startTestLedger({ databases });
    await mixedBooks(ledger, random, COMMANDS);
    await ledger.close();
    service = await startTestService({ databases });
    await tellStories();
  });

  async function send(method: 'post' | 'put', path: string, body: object = {}): Promise<void> {
    const answer = await service.api[method](`/v1/${path}`, body);
    expect([path, answer.status, answer.body]).toMatchObject([path, expect.any(Number), {}]);
    expect([path, answer.status < 300, answer.body]).toEqual([path, true, answer.body]);
  }

  /** What the random books have none of. */
  async function tellStories(): Promise<void> {
    const address = { line1: 'A 1', city: 'Rome', postalCode: '1', country: 'IT' };
    const company = { clientId: 'firm', name: 'Firm', contactEmail: 'a@example.org', address };
    await send('post', 'companies', company);
    for (const city of ['Oslo', 'Rome']) {
      await send('put', 'companies/client:firm/address', { ...address, city });
    }
    for (const clientId of ['till', 'depot', 'fees']) {
      await send('post', 'accounts', { clientId, name: clientId, type: 'asset', currency: 'USD' });
    }
    const [cash, depot] = ['client:till', 'client:depot'];
    const settled = { executedAmount: '7.00', fee: '0.50', feeAccountId: 'client:fees' };
    for (const clientId of ['settled', 'reversed', 'cancelled']) {
      const accounts = { cashAccountId: cash, settlementAccountId: depot };
      const terms = { side: 'buy', symbol: 'X', quantity: '1', limitAmount: '10.00' };
      const order = { clientId, companyId: 'client:firm', ...accounts, ...terms };
      await send('post', 'orders', order);
      const path = `orders/client:${clientId}`;
      if (clientId === 'cancelled') await send('post', `${path}/cancel`);
      else {
        const settledAt = new Date().toISOString();
        await send('post', `${path}/settle`, { ...settled, settledAt });
      }
      if (clientId === 'reversed')
        await send('post', `${path}/reverse-settlement`, { reason: 'x' });
    }
    const lines = (...amounts: string[]) =>
      amounts.flatMap((amount) => [
        { accountId: cash, direction: 'debit', amount },
        { accountId: depot, direction: 'credit', amount },
      ]);
    for (const clientId of ['captured', 'voided']) {
      const hold = { clientId, description: 'h', postings: lines('2.00', '3.00') };
      await send('post', 'holds', hold);
      const path = `holds/client:${clientId}`;
      await send('post', `${path}/capture`, { postings: lines('2.50'), final: false });
      if (clientId === 'voided') await send('post', `${path}/void`);
      else await send('post', `${path}/capture`, { postings: lines('1.00') });
    }
    const hook = { clientId: 'hook', url: 'https://example.org/hook', eventTypes: ['HoldPlaced'] };
    await send('post', 'webhook-subscriptions', hook);
    for (const what of ['rotate-secret', 'disable', 'enable']) {
      await send('post', `webhook-subscriptions/client:hook/${what}`);
    }
  }

  const get = async <T>(path: string) => (await service.api.get<T & object>(path)).body as T;

  async function everything<T>(path: string, limit = 200): Promise<T[]> {
    const rows: T[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: Page<T> = await get<Page<T>>(`${path}limit=${limit}${next}`);
      rows.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return rows;
  }

  /** Has each event change what those before it have left; the views say which fields there are. */
  function apply(view: Record<string, unknown>, { changes }: HistoryEventDto): void {
    for (const { field, before, after } of changes) {
      expect([field, view[field] ?? null]).toEqual([field, before]);
      expect(after).not.toEqual(before);
      view[field] = after;
    }
  }

  it.each(KINDS)('has all changes of %s, each from what was before', async (kind) => {
    const things = await everything<View>(`/v1/${kind}?`);
    expect(things.length).toBeGreaterThan(0);
    for (let i = 0; i < OF_EACH; i++) {
      const thing = random.pick(things);
      const path = `/v1/${kind}/${thing.id}`;
      const history = await everything<HistoryEventDto>(`${path}/history?`);
      const view: Record<string, unknown> = {};
      for (const event of history) {
        apply(view, event);
        if (kind !== 'accounts' && kind !== 'transactions') continue;
        const { position } = event;
        const then = await get<View>(`${path}?atPosition=${position}`);
        if (then['code'] === undefined) expect(shown(then)).toEqual(shown({ ...then, ...view }));
      }
      const now = shown(await get<View>(path));
      for (const [field, value] of Object.entries(now)) {
        if (value === undefined) continue;
        expect([kind, field, view[field] ?? null]).toEqual([kind, field, value]);
      }
      const positions = history.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
      for (const limit of [1, 3]) {
        expect(await everything(`${path}/history?`, limit)).toEqual(history);
        const back = await everything(`${path}/history?order=desc&`, limit);
        expect(back).toEqual(history.toReversed());
      }
      const { data } = await get<Page<HistoryEventDto>>(`/v1/events?after=${positions[0]! - 1}`);
      expect(data[0]).toMatchObject({ eventId: history[0]!.eventId, actor: history[0]!.actor });
    }
  });

  /** All but what the events themselves say. */
  function shown(view: View): Record<string, unknown> {
    return { ...view, position: undefined };
  }

  it('comes with an explanation of each balance, which adds up', async () => {
    const accounts = await everything<View>('/v1/accounts?');
    const some = [
      ...Array.from({ length: OF_EACH }, () => random.pick(accounts)),
      accounts.at(-2)!,
    ];
    for (const { id } of some) {
      const path = `/v1/explain/balance?accountId=${id}`;
      const account = await get<View>(`/v1/accounts/${id}`);
      const now = await get<View & { entries: number; holds: View[] }>(path);
      const { balance, available } = account;
      expect(now).toMatchObject({ balance, available, asOf: null });
      const entries = await everything<{ position: number; effectiveDate: string }>(
        `/v1/accounts/${id}/entries?`,
      );
      expect(now.entries).toBe(entries.length);
      const holds = await everything<View>(`/v1/holds?status=held&accountId=${id}&`);
      expect(now.holds).toEqual(holds);
      if (entries.length === 0) continue;
      const { position, effectiveDate } = random.pick(entries);
      const then = await get<View>(`/v1/accounts/${id}?atPosition=${position}`);
      expect(await get(`${path}&atPosition=${position}`)).toMatchObject({
        ...{ balance: then['balance'], available: then['available'], position },
      });
      const dated = await get<Explained>(`${path}&asOf=${effectiveDate}`);
      const counting = entries.filter((entry) => entry.effectiveDate <= effectiveDate);
      expect(dated.entries).toBe(counting.length);
      const places = counting.map((entry) => entry.position);
      expect(dated.firstEntries.map((entry) => entry.position)).toEqual(places.slice(0, 10));
      expect(dated.lastEntries.map((entry) => entry.position)).toEqual(places.slice(-10));
      if (dated.entries > 10) continue;
      const sum = dated.firstEntries.reduce((cents, { amount }) => cents + Number(amount) * 100, 0);
      expect(Math.round(sum)).toBe(Math.round(Number(dated.balance) * 100));
    }
    expect((await service.api.get('/v1/explain/balance')).status).toBe(400);
    expect((await service.api.get('/v1/explain/balance?accountId=client:nobody')).status).toBe(404);
  });

  it('has a capture among the events of an account that it only frees', async () => {
    for (const clientId of ['kept', 'freed']) {
      await send('post', 'accounts', { clientId, name: clientId, type: 'asset', currency: 'USD' });
    }
    const line = (accountId: string, direction: string, amount: string) => {
      return { accountId, direction, amount };
    };
    const kept = [line('client:kept', 'debit', '1.00'), line('client:till', 'credit', '1.00')];
    const freed = [line('client:freed', 'debit', '2.00'), line('client:till', 'credit', '2.00')];
    const hold = { clientId: 'partly', description: 'h', postings: [...kept, ...freed] };
    await send('post', 'holds', hold);
    await send('post', 'holds/client:partly/capture', { postings: kept });
    const history = await everything<HistoryEventDto>('/v1/accounts/client:freed/history?');
    const found = history.map(({ type, changes }) => {
      return [type, changes.find(({ field }) => field === 'pendingDebits')?.after];
    });
    expect(found).toEqual([
      ['AccountOpened', '0.00'],
      ['HoldPlaced', '2.00'],
      ['HoldCaptured', '0.00'],
    ]);
  });

  it('is told to its end where its events are larger than an answer may be', async () => {
    const postings = (amount: string) =>
      Array.from({ length: 500 }, () => [
        { accountId: 'client:till', direction: 'debit', amount },
        { accountId: 'client:depot', direction: 'credit', amount },
      ]).flat();
    const hold = { clientId: 'large', description: 'h', postings: postings('40.00') };
    await send('post', 'holds', hold);
    for (let i = 0; i < LARGE_CAPTURES; i++) {
      const capture = { postings: postings('1.00'), final: false };
      await send('post', 'holds/client:large/capture', capture);
    }
    await send('post', 'holds/client:large/void');
    const { data } = await get<Page<HistoryEventDto>>(
      '/v1/holds/client:large/history?limit=2&order=desc',
    );
    const statuses = data.map(({ type, changes }) => {
      return [type, changes.map(({ field }) => field)];
    });
    expect(statuses).toEqual([
      ['HoldVoided', expect.arrayContaining(['status'])],
      ['HoldCaptured', expect.arrayContaining(['postings', 'transactionIds'])],
    ]);
  });

  it('is of nothing that is not there, and its cursors are of one thing', async () => {
    for (const kind of KINDS) {
      const { status } = await service.api.get(`/v1/${kind}/client:nobody/history`);
      expect([kind, status]).toEqual([kind, 404]);
    }
    const [one, other] = (await everything<View>('/v1/accounts?')).map(({ id }) => id);
    const page = await get<Page<HistoryEventDto>>(`/v1/accounts/${one}/history?limit=1`);
    const stolen = await service.api.get(`/v1/accounts/${other}/history?cursor=${page.nextCursor}`);
    expect(stolen.body).toMatchObject({ status: 400, errors: [{ pointer: '/cursor' }] });
  });
});
