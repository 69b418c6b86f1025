import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from '../harness/api-client';
import { query } from '../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../harness/databases';
import { rounds } from '../harness/rounds';
import { seededRandom, type Random } from '../harness/seed';
import { spawnService, type SpawnedService } from '../harness/service';
import { openAccounts, send, type Account, type Order } from './transfer-orders';

const ROUNDS = rounds(3, 20);
const CALLERS = 24;
/** The kill comes after this time at most; a batch takes a few milliseconds. */
const MAX_LIFE_MS = 400;

/** Sends transfers until the service is gone. @returns all, those without an answer too */
async function load(
  service: SpawnedService,
  accounts: readonly Account[],
  random: Random,
  round: number,
): Promise<Order[]> {
  const orders: Order[] = [];
  let isOver = false;
  const caller = async (name: number) => {
    for (let i = 0; !isOver; i++) {
      const [from, to] = [random.pick(accounts), random.pick(accounts)];
      const order: Order = { key: `${round}.${name}.${i}`, from, to, cents: 1 + random.below(99) };
      orders.push(order);
      try {
        const answer = await send(service.api, order);
        if (answer.status !== 503) order.answer = answer;
      } catch {
        // It is not known whether that happened: it is sent again after the restart.
        return;
      }
    }
  };
  const callers = Array.from({ length: CALLERS }, (_, name) => caller(name));
  await delay(random.below(MAX_LIFE_MS));
  service.kill('SIGKILL');
  expect(await service.exited).toBe('SIGKILL');
  isOver = true;
  await Promise.all(callers);
  return orders;
}

/** Sends again what got no answer, and a few that did: both must be as if asked once. */
async function repeat(api: ApiClient, orders: readonly Order[], random: Random): Promise<void> {
  for (const order of orders) {
    const { answer } = order;
    if (answer && !random.chance(0.1)) continue;
    const again = await send(api, order);
    expect(again.status).toBe(201);
    if (answer) {
      expect(again.body).toEqual(answer.body);
      expect(again.headers.get('idempotency-hit')).toBe('true');
    }
    order.answer = again;
  }
}

async function expectBooks(
  api: ApiClient,
  databases: TestDatabases,
  accounts: readonly Account[],
  orders: readonly Order[],
): Promise<void> {
  for (const { id, cents } of accounts) {
    const { body } = await api.get<{ balance: string }>(`/v1/accounts/${id}`);
    expect(Math.round(Number(body.balance) * 100)).toBe(cents);
  }
  const posted = await query<{ id: string }>(
    databases.urls.log,
    `select data ->> 'transactionId' as id from event_log where type = 'TransactionPosted'`,
  );
  const answered = orders.map((o) => (o.answer!.body as { id: string }).id);
  expect(posted.map((p) => p.id).sort()).toEqual(answered.sort());
}

describe('the service killed with kill -9', () => {
  it(
    'at random moments under load: nothing answered is lost, nothing happens twice',
    async () => {
      const random = seededRandom();
      const databases = await cloneDatabases();
      const { urls } = databases;
      let service = await spawnService({ urls });
      const accounts = await openAccounts(service.api);
      const all: Order[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const orders = await load(service, accounts, random, round);
        service = await spawnService({ urls });
        await repeat(service.api, orders, random);
        for (const { from, to, cents } of orders) {
          from.cents -= cents;
          to.cents += cents;
        }
        all.push(...orders);
      }
      await expectBooks(service.api, databases, accounts, all);
      const unanswered = all.filter((o) => o.answer?.headers.get('idempotency-hit') === 'true');
      process.stderr.write(`${all.length} transfers, ${unanswered.length} sent twice\n`);
      service.kill('SIGTERM');
      expect(await service.exited).toBe(0);
    },
    60_000 + ROUNDS * 20_000,
  );
});

describe('two services on the same databases', () => {
  it('keep every guarantee under load, also when one of them is killed', async () => {
    const random = seededRandom();
    const databases = await cloneDatabases();
    const { urls } = databases;
    const survivor = await spawnService({ urls });
    const victim = await spawnService({ urls });
    const accounts = await openAccounts(survivor.api);
    const mine: Order[] = [];
    let isOver = false;
    const others = Array.from({ length: CALLERS }, async (_, name) => {
      for (let i = 0; !isOver; i++) {
        const [from, to] = [random.pick(accounts), random.pick(accounts)];
        const order: Order = { key: `s.${name}.${i}`, from, to, cents: 1 + random.below(99) };
        mine.push(order);
        order.answer = await send(survivor.api, order);
        expect(order.answer.status).toBe(201);
      }
    });
    const victims = await load(victim, accounts, random, 0);
    isOver = true;
    await Promise.all(others);
    await repeat(survivor.api, victims, random);
    const all = [...mine, ...victims];
    for (const { from, to, cents } of all) {
      from.cents -= cents;
      to.cents += cents;
    }
    await expectBooks(survivor.api, databases, accounts, all);
  });
});
