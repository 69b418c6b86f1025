import { setTimeout as delay } from 'node:timers/promises';
import { HoldExpiry } from '../../../src/books/holds/hold.schedule';
import { ScheduledPosting } from '../../../src/books/schedules/schedule.schedule';
import { features } from '../../../src/features';
import { query } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { checkBusyBooks, MAY_BE, waitForDue } from './busy-checks';
import { BusyRequests, openBusyBooks, sendBusy } from './busy-requests';

const CALLERS_EACH = 6;
const REQUESTS = rounds(300, 3_000);
const RACES = rounds(20, 200);
const LOOK_PAUSE_MS = 5;

/** Both keep the schedules: each looks for what expires and what is due. */
async function twoServices(databases: TestDatabases): Promise<[TestService, TestService]> {
  const options = { databases, features, runs: true };
  return [await startTestService(options), await startTestService(options)];
}

/** Has both look for what is due all the time, which the one scheduler never has them do. */
async function bothLooking<T>(services: readonly TestService[], work: Promise<T>): Promise<T> {
  let isOver = false;
  const looks = services.map(async (service) => {
    while (!isOver) {
      await service.get(HoldExpiry).run();
      await service.get(ScheduledPosting).run();
      await delay(LOOK_PAUSE_MS);
    }
  });
  try {
    return await work;
  } finally {
    isOver = true;
    await Promise.all(looks);
  }
}

/** An account that holds reserve money of, and what goes there. */
async function openPair({ api }: TestService, rest: object = {}): Promise<void> {
  for (const clientId of ['wallet', 'shop']) {
    const account = { clientId, name: clientId, type: 'liability', currency: 'USD', ...rest };
    expect((await api.post('/v1/accounts', account)).status).toBe(201);
  }
}

const postings = (amount: string) => [
  { accountId: 'client:wallet', direction: 'debit', amount },
  { accountId: 'client:shop', direction: 'credit', amount },
];

describe('two processes on one ledger', () => {
  it('answer random requests of every kind as one would, both keeping the schedules', async () => {
    const random = seededRandom();
    const databases = await cloneDatabases();
    const services = await twoServices(databases);
    await openBusyBooks(services[0]);
    const requests = new BusyRequests(random);
    const caller = async ({ api }: TestService) => {
      while (requests.all.length < REQUESTS) {
        const request = requests.next();
        const answer = await sendBusy(api, request);
        expect(MAY_BE).toContain(answer.status);
        requests.learn(request, answer);
      }
    };
    const each = Array.from({ length: CALLERS_EACH }, () => services).flat();
    const work = Promise.all(each.map(caller)).then(() => waitForDue(databases));
    await bothLooking(services, work);
    for (const request of requests.all.filter(() => random.chance(0.2))) {
      const { key, answer } = request;
      if (answer!.status === 400) continue;
      const again = await sendBusy(random.pick(services).api, request);
      expect([key, again.status, again.body]).toEqual([key, answer!.status, answer!.body]);
    }
    await checkBusyBooks(databases, requests.all);
  }, 180_000);

  it('let exactly one end a hold, and capture no more than it holds', async () => {
    const random = seededRandom();
    const databases = await cloneDatabases();
    const services = await twoServices(databases);
    const [{ api }] = services;
    await openPair(services[0]);
    const race = async () => {
      // All are placed at once, and none may be too late for that.
      const ms = 5_000 + random.below(1_500);
      const began = Date.now();
      const expiresAt = new Date(began + ms).toISOString();
      const hold = { description: 'Raced for', expiresAt, postings: postings('10') };
      const { status: placed, body } = await api.post<{ id: string }>('/v1/holds', hold);
      expect(placed).toBe(201);
      const path = `/v1/holds/${body.id}`;
      // About when its time is over, which both processes look for.
      const at = random.chance(0.5) ? ms - 20 + random.below(40) : random.below(ms);
      await delay(Math.max(0, began + at - Date.now()));
      const part = { postings: postings('6'), final: false };
      const rivals = services.flatMap(({ api: own }) => [
        () => own.post(`${path}/capture`, part),
        () => own.post(`${path}/capture`),
        () => own.post(`${path}/void`),
      ]);
      const answers = await Promise.all(rivals.map((ask) => ask()));
      for (const { status, body: refusal } of answers) {
        if (status < 300) continue;
        expect(['hold_not_open', 'hold_exceeded']).toContain(refusal['code']);
      }
      const [final, parts] = [
        [1, 2, 4, 5],
        [0, 3],
      ].map((which) => which.filter((i) => answers[i]!.status < 300).length);
      expect(final).toBeLessThanOrEqual(1);
      expect(parts).toBeLessThanOrEqual(1);
      return { id: body.id, isEnded: final === 1, parts: parts! };
    };
    const work = Promise.all(Array.from({ length: RACES }, race));
    const races = await bothLooking(services, work);
    await waitForDue(databases);
    const ends = await query<{ id: string; type: string; captured: string }>(
      databases.urls.log,
      `select data ->> 'holdId' as id, string_agg(type, ',' order by position) as type,
         coalesce(sum((data -> 'postings' -> 0 ->> 'amount')::numeric)
           filter (where type = 'HoldCaptured'), 0)::text as captured
       from event_log where type in ('HoldCaptured', 'HoldVoided', 'HoldExpired') group by 1`,
    );
    const ended = new Map(ends.map((end) => [end.id, end]));
    expect(ended.size).toBe(RACES);
    for (const { id, isEnded, parts } of races) {
      const { type, captured } = ended.get(id)!;
      expect(Number(captured)).toBeLessThanOrEqual(10);
      expect(type.split(',')).toHaveLength(parts + 1);
      expect(type.endsWith('HoldExpired')).toBe(!isEnded);
    }
  }, 60_000);

  it('let no more through than a limit has left, of payments and holds at both', async () => {
    const services = await twoServices(await cloneDatabases());
    const [{ api }] = services;
    await openPair(services[0], { group: 'cards' });
    const daily = { group: 'cards', direction: 'debit', currency: 'USD', per: 'rolling-24h' };
    const limit = await api.post('/v1/limits', { ...daily, amount: '100' });
    expect(limit.status).toBe(201);
    const ask = (i: number) => {
      const path = i % 4 < 2 ? '/v1/transactions' : '/v1/holds';
      const body = { description: 'Spent', postings: postings('3') };
      return services[i % 2]!.api.post(path, body);
    };
    const answers = await Promise.all(Array.from({ length: 80 }, (_, i) => ask(i)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(33);
    const refused = answers.filter(({ status }) => status === 422);
    expect(refused).toHaveLength(47);
    const limitId = limit.body['id'];
    for (const { body } of refused) {
      expect(body).toMatchObject({ code: 'velocity_limit_exceeded', limitId, used: '99.00' });
    }
  });
});
