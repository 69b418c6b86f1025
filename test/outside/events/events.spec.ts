import type { EventDto } from '../../../src/outside/events/event.dto';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { mixedBooks } from '../../proof/replay/mixed-books';

const COMMANDS = rounds(300, 800);
const QUESTIONS = rounds(60, 300);

interface Page {
  data: EventDto[];
  nextCursor: string | null;
}
type Filter = Record<string, string>;

describe('the filters of events', () => {
  let service: TestService;
  let random: Random;
  let all: EventDto[];

  beforeAll(async () => {
    const databases = await cloneDatabases({ lifetime: 'file' });
    random = seededRandom();
    const ledger = await startTestLedger({ databases });
    await mixedBooks(ledger, random, COMMANDS);
    await ledger.close();
    service = await startTestService({ databases });
    const headers = { 'x-request-id': 'tellers.request' };
    const account = { name: 'x', type: 'asset', currency: 'USD', clientId: 'named' };
    await service.api.post('/v1/accounts', account, { headers });
    await service.api.post('/v1/accounts', { ...account, clientId: 'other' });
    all = await everything({});
  });

  async function everything(filter: Filter, limit = 200): Promise<EventDto[]> {
    const rows: EventDto[] = [];
    let cursor: string | null = null;
    do {
      const asked: Filter = cursor === null ? filter : random.pick([filter, {}]);
      const query = new URLSearchParams({ ...asked, limit: String(limit) });
      if (cursor !== null) query.set('cursor', cursor);
      const { status, body } = await service.api.get<Page>(`/v1/events?${query.toString()}`);
      expect([status, body]).toMatchObject([200, { data: expect.any(Array) as unknown }]);
      rows.push(...body.data);
      cursor = body.nextCursor;
    } while (cursor !== null);
    return rows;
  }

  /** What each filter means, without an index. */
  const MEANING: Record<string, (event: EventDto, value: string) => boolean> = {
    after: ({ position }, value) => position > Number(value),
    type: ({ type }, value) => value.split(',').includes(type),
    actor: ({ actor }, value) => actor === value,
    correlationId: ({ correlationId }, value) => correlationId === value,
    accountId: ({ data }, value) => JSON.stringify(data).includes(value),
    transactionId: ({ data }, value) => JSON.stringify(data).includes(value),
    recordedFrom: ({ recordedAt }, value) => recordedAt >= new Date(value).toISOString(),
    recordedTo: ({ recordedAt }, value) => recordedAt <= new Date(value).toISOString(),
    order: () => true,
  };

  function meant(filter: Filter): number[] {
    const found = all.filter((event) =>
      Object.entries(filter).every(([name, value]) => MEANING[name]!(event, value)),
    );
    const positions = found.map(({ position }) => position);
    return filter['order'] === 'desc' ? positions.reverse() : positions;
  }

  function anyFilter(): Filter {
    const event = random.pick(all);
    const ids = [...JSON.stringify(event.data).matchAll(/"(account|transaction)Id":"([^"]+)"/g)];
    const [, kind, id] = ids.length > 0 ? random.pick(ids) : [];
    const at = new Date(Date.parse(event.recordedAt) + random.below(3) - 1).toISOString();
    const possible: Filter = {
      after: String(random.below(all.length)),
      type: [event.type, random.pick(all).type, 'OrderPlaced'].slice(random.below(3)).join(),
      actor: event.actor,
      recordedFrom: at,
      recordedTo: random.pick([at, '2099-01-01T00:00:00+02:00']),
      order: random.pick(['asc', 'desc']),
      ...(event.correlationId !== null && { correlationId: event.correlationId }),
      ...(kind !== undefined && { [`${kind}Id`]: id! }),
    };
    const names = Object.keys(possible).filter(() => random.below(3) === 0);
    return Object.fromEntries(names.map((name) => [name, possible[name]!]));
  }

  it('find what they say, alone and together, page by page, in both orders', async () => {
    for (let i = 0; i < QUESTIONS; i++) {
      const filter = anyFilter();
      const found = await everything(filter, 1 + random.below(50));
      expect([filter, found.map(({ position }) => position)]).toEqual([filter, meant(filter)]);
    }
  });

  it('find everything that touched each account and each transaction', async () => {
    const touched = new Set<string>();
    for (const { data } of all) {
      for (const [, kind, id] of JSON.stringify(data).matchAll(
        /"(account|transaction)Id":"([0-9a-f-]{36})"/g,
      )) {
        touched.add(`${kind}Id=${id}`);
      }
    }
    const some = [...touched].filter(() => random.below(touched.size) < 80);
    for (const text of some) {
      const [name, value] = text.split('=') as [string, string];
      const found = await everything({ [name]: value });
      expect([text, found.map(({ position }) => position)]).toEqual([
        text,
        meant({ [name]: value }),
      ]);
    }
    const named = await everything({ accountId: 'client:named' });
    expect(named).toMatchObject([{ type: 'AccountOpened', correlationId: 'tellers.request' }]);
    expect(await everything({ correlationId: 'tellers.request' })).toEqual(named);
    const unknown = '00000000-0000-7000-8000-000000000000';
    for (const filter of [{ accountId: unknown }, { transactionId: 'client:nobody' }]) {
      expect(await everything(filter)).toEqual([]);
    }
  });

  it('are all there from the first instant on that there is', async () => {
    const path = '/v1/events?recordedFrom=0001-01-01T00:00:00Z&limit=1';
    const { status, body } = await service.api.get<{ data: { position: number }[] }>(path);
    expect([status, body.data[0]?.position]).toEqual([200, 1]);
  });

  it('are refused where nothing can have such a value', async () => {
    for (const [name, value] of [
      ['type', 'Nonsense'],
      ['type', 'AccountOpened,,'],
      ['type', 'AccountOpened,accountOpened'],
      ['accountId', 'cash'],
      ['transactionId', 'client:'],
      ['recordedFrom', 'yesterday'],
      ['recordedTo', '2026-02-30T00:00:00Z'],
      ['order', 'newest'],
      ['actor', ''],
      ['correlationId', ''],
      ['after', '-1'],
    ] as const) {
      const { status, body } = await service.api.get(
        `/v1/events?${new URLSearchParams({ [name]: value }).toString()}`,
      );
      const expected = { code: 'validation_failed', errors: [{ pointer: `/${name}` }] };
      expect([name, value, status, body]).toMatchObject([name, value, 400, expected]);
    }
  });
});
