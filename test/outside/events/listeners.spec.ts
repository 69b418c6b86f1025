import { setTimeout as delay } from 'node:timers/promises';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../../src/books/transactions/transaction.creators';
import type { EventDto } from '../../../src/outside/events/event.dto';
import { ACCOUNTS, openAccounts, send, type Account } from '../../engine/transfer-orders';
import type { ApiClient } from '../../harness/api-client';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import {
  spawnService,
  startTestService,
  type SpawnedService,
  type TestService,
} from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { mixedBooks } from '../../proof/replay/mixed-books';
import { Connection, EventSource } from './event-source';

const FAST = { EVENT_HEARTBEAT_MS: '200', EVENT_POLL_MS: '50' };
const LISTENERS = 1_000;
/** Beside those of listeners there have to be others. */
const MANY = {
  ...FAST,
  EVENT_LISTENERS: String(LISTENERS),
  MAX_CONNECTIONS: '3000',
  MAX_CONNECTIONS_PER_ADDRESS: 'off',
};
const FILTERS = rounds(25, 150);
const LIVE_COMMANDS = rounds(60, 300);
const KILLS = rounds(3, 15);
const WRITERS = 4;
/** Of each writer at most, while processes are killed. */
const ORDERS = rounds(150, 2_000);
/** A machine that does other things besides takes its time. */
const PATIENCE_MS = 120_000;
const LARGE = 150;
/** Events that one who was cut off is looked at for. */
const RESUMED = 50;

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

async function headOf({ api }: Pick<TestService, 'api'>): Promise<number> {
  return (await api.get<{ logPosition: number }>('/v1/health/ready')).body.logPosition;
}

/** Postings and reversals, here and there. */
async function goOn(ledger: TestLedger, service: TestService, random: Random): Promise<void> {
  const { data } = (
    await service.api.get<{ data: { id: string; currency: string }[] }>('/v1/accounts?limit=200')
  ).body;
  const ids = data.filter(({ currency }) => currency === 'USD').map(({ id }) => id);
  const posted: string[] = [];
  for (let i = 0; i < LIVE_COMMANDS; i++) {
    if (posted.length > 0 && random.chance(0.2)) {
      await ledger.submit(ReverseTransaction, { transactionId: random.pick(posted) });
      continue;
    }
    const input = {
      description: 'live',
      postings: [
        { accountId: random.pick(ids), direction: 'debit' as const, amount: '1' },
        { accountId: random.pick(ids), direction: 'credit' as const, amount: '1' },
      ],
    };
    if (random.chance(0.5)) {
      const { status, body } = await service.api.post<{ id: string }>('/v1/transactions', input);
      if (status === 201) posted.push(body.id);
      continue;
    }
    const outcome = await ledger.submit(PostTransaction, input);
    if (outcome.kind === 'accepted') posted.push(outcome.answer.id);
  }
}

function anyFilter(random: Random, all: readonly EventDto[]): Record<string, string> {
  const event = random.pick(all);
  const ids = [...JSON.stringify(event.data).matchAll(/"(account|transaction)Id":"([^"]+)"/g)];
  const [, kind, id] = ids.length > 0 ? random.pick(ids) : [];
  const possible: Record<string, string> = {
    after: String(random.below(all.length + 20)),
    type: [event.type, 'TransactionPosted', 'OrderPlaced'].slice(random.below(3)).join(),
    actor: random.pick([event.actor, 'admin']),
    recordedFrom: event.recordedAt,
    recordedTo: random.pick([event.recordedAt, '2099-01-01T00:00:00+02:00']),
    ...(kind !== undefined && { [`${kind}Id`]: id! }),
  };
  const names = Object.keys(possible).filter(() => random.chance(0.35));
  return Object.fromEntries(names.map((name) => [name, possible[name]!]));
}

async function listed(service: TestService, filter: object): Promise<EventDto[]> {
  const rows: EventDto[] = [];
  let query = new URLSearchParams({ ...filter, limit: '200' }).toString();
  for (;;) {
    const path = `/v1/events?${query}`;
    const { body } = await service.api.get<{ data: EventDto[]; nextCursor: string | null }>(path);
    rows.push(...body.data);
    if (body.nextCursor === null) return rows;
    query = `limit=200&cursor=${body.nextCursor}`;
  }
}

describe('those who listen to events', () => {
  it('get what the list has with the same filters, also of what others write', async () => {
    const random = seededRandom();
    const databases = await cloneDatabases();
    const ledger = await startTestLedger({ databases });
    await mixedBooks(ledger, random, 300);
    const service = await startTestService({ databases, env: FAST });
    const all = await listed(service, {});
    const sources = Array.from({ length: FILTERS }, () => {
      const filter = anyFilter(random, all);
      const query = `?${new URLSearchParams(filter).toString()}`;
      return { filter, source: new EventSource(() => service, query) };
    });
    const isListening = () => sources.every(({ source }) => source.returned === 0);
    await waitFor('all to listen', isListening, PATIENCE_MS);
    await goOn(ledger, service, random);
    for (const { filter, source } of sources) {
      const wanted = await listed(service, filter);
      await source.have(wanted.length, PATIENCE_MS);
      expect([filter, source.events]).toEqual([filter, wanted]);
      source.close();
    }
    await ledger.close();
  }, 300_000);

  it('miss nothing and get nothing twice, whatever connections and processes die', async () => {
    const random = seededRandom();
    const { urls } = await cloneDatabases();
    const spawn = () => spawnService({ urls, env: FAST });
    const services: (SpawnedService | undefined)[] = await Promise.all([spawn(), spawn()]);
    const alive = () => random.pick(services.filter((service) => service !== undefined));
    const accounts = await openAccounts(alive().api);
    let isOver = false;
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let no = 0; !isOver && no < ORDERS; no++) {
        await write(alive().api, accounts, `${writer} ${no}`, random);
        await delay(random.below(20));
      }
    });
    const sources = Array.from({ length: 30 }, () => new EventSource(alive));
    for (let kill = 0; kill < KILLS; kill++) {
      for (let i = 0; i < 20; i++) {
        random.pick(sources).connection?.goAway();
        await delay(random.below(30));
      }
      const victim = random.below(2);
      const service = services[victim]!;
      services[victim] = undefined;
      service.kill(random.chance(0.7) ? 'SIGKILL' : 'SIGTERM');
      await service.exited;
      services[victim] = await spawn();
    }
    isOver = true;
    await Promise.all(writers);
    const head = await headOf(alive());
    expect(head).toBeGreaterThan(ACCOUNTS + 50);
    for (const source of sources) {
      expect(await source.have(head, PATIENCE_MS)).toEqual(upTo(head));
      source.close();
    }
    expect(Math.max(...sources.map(({ returned }) => returned))).toBeGreaterThan(KILLS);
  }, 300_000);

  it('are a thousand, and each gets each event once and in order', async () => {
    const { urls } = await cloneDatabases();
    const service = await spawnService({ urls, env: MANY });
    const accounts = await openAccounts(service.api);
    const sources = Array.from({ length: LISTENERS }, () => new EventSource(() => service));
    await waitFor('all to listen', () => sources.every((s) => s.returned === 0), PATIENCE_MS);
    const random = seededRandom();
    const orders = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let no = 0; no < 20; no++) await write(service.api, accounts, `${writer} ${no}`, random);
    });
    await Promise.all(orders);
    const head = await headOf(service);
    expect(head).toBe(ACCOUNTS + 20 * WRITERS);
    for (const source of sources) expect(await source.have(head, PATIENCE_MS)).toEqual(upTo(head));
    // The place of one who left is free within a moment, and the others are taken.
    const one = await service.api.get('/v1/events/stream');
    expect(one.status).toBe(503);
    for (const source of sources) source.close();
  }, 300_000);

  it('cost their own connection alone where they are slow, and go on where they were', async () => {
    const env = { ...FAST, ANSWER_TIMEOUT_MS: '500' };
    const service = await startTestService({ env });
    const got: number[] = [];
    const keep = ({ position }: EventDto) => void got.push(position);
    const slow = await Connection.open(service, '', { reads: false }, keep);
    const quick = Array.from({ length: 3 }, () => new EventSource(() => service));
    const accounts = await openAccounts(service.api);
    let head = ACCOUNTS;
    // More than the system takes for somebody who does not read.
    for (let bytes = 0; bytes < 14 * 1024 * 1024; bytes += LARGE * 20_000) {
      const transactions = Array.from({ length: LARGE }, () => large(accounts));
      const mode = { mode: 'independent', transactions };
      expect((await service.api.post('/v1/transactions/batch', mode)).status).toBe(200);
      head += LARGE;
    }
    for (const source of quick) {
      expect(await source.have(head, PATIENCE_MS)).toEqual(upTo(head));
      expect(source.returned).toBe(0);
      source.close();
    }
    await waitFor('the slow one to be cut off', async () => {
      const { body } = await service.api.get<{ text: string }>('/metrics');
      return body.text.includes('truebook_event_listeners_cut_off_total 1');
    });
    slow.read();
    await waitFor('the end', () => slow.ended);
    expect(slow.ended).toBe('cut off');
    expect(got.length).toBeLessThan(head - RESUMED);
    expect(got).toEqual(upTo(got.length));
    const rest = new EventSource(() => service, `?after=${got.length}`);
    const next = (await rest.have(RESUMED, PATIENCE_MS)).slice(0, RESUMED);
    expect(next).toEqual(upTo(head).slice(got.length, got.length + RESUMED));
    rest.close();
  }, 300_000);
});

/** Sends one order until it was accepted. */
async function write(
  api: ApiClient,
  accounts: readonly Account[],
  key: string,
  random: Random,
): Promise<void> {
  const from = random.pick(accounts);
  const to = random.pick(accounts.filter((account) => account !== from));
  await send(api, { key, from, to, cents: 1 }).catch(() => undefined);
}

/** Of some 20 kilobytes. */
function large(accounts: readonly Account[]): object {
  const metadata = Object.fromEntries(upTo(40).map((i) => [`key${i}`, 'x'.repeat(480)]));
  const postings = (['debit', 'credit'] as const).map((direction, i) => ({
    accountId: accounts[i]!.id,
    direction,
    amount: '1.00',
  }));
  return { description: 'large', postings, metadata };
}
