import { setTimeout as delay } from 'node:timers/promises';
import { cloneDatabases } from '../../harness/databases';
import { DatabaseProxy, type Fate } from '../../harness/proxy';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { spawnService, type SpawnedService } from '../../harness/service';
import { checkBusyBooks, MAY_BE, waitForDue } from './busy-checks';
import { BusyRequests, openBusyBooks, sendBusy } from './busy-requests';

const ROUNDS = rounds(2, 9);
const CALLERS = 12;
/** Callers are at work for this long at most before the kill. */
const MAX_LIFE_MS = 2_500;

/** Where a commit of the write path is when the process is killed; undefined: anywhere. */
interface Window {
  readonly database: 'log' | 'state';
  readonly fate: Fate;
}
const WINDOWS: readonly (Window | undefined)[] = [
  { database: 'state', fate: 'hold' },
  { database: 'log', fate: 'silence' },
  undefined,
  { database: 'log', fate: 'hold' },
  { database: 'state', fate: 'silence' },
];

type Proxies = Readonly<Record<'log' | 'state', DatabaseProxy>>;

/** Sends requests until the service is killed, at a random moment or at the next commit. */
async function workUntilKilled(
  service: SpawnedService,
  requests: BusyRequests,
  random: Random,
  killAtCommit: (() => Promise<void>) | undefined,
): Promise<void> {
  let isOver = false;
  const caller = async () => {
    while (!isOver) {
      const request = requests.next();
      // Without an answer nobody knows whether it happened: it is sent again after the restart.
      const answer = await sendBusy(service.api, request).catch(() => undefined);
      if (answer === undefined) return;
      if (answer.status === 503) continue;
      expect(MAY_BE).toContain(answer.status);
      requests.learn(request, answer);
    }
  };
  const callers = Array.from({ length: CALLERS }, caller);
  await delay(MAX_LIFE_MS / 4 + random.below((3 * MAX_LIFE_MS) / 4));
  await killAtCommit?.();
  service.kill('SIGKILL');
  expect(await service.exited).toBe('SIGKILL');
  isOver = true;
  await Promise.all(callers);
}

/** Sends again what got no answer, and some that did: all must be as if asked once. */
async function repeat(
  { api }: SpawnedService,
  requests: BusyRequests,
  random: Random,
): Promise<number> {
  let unanswered = 0;
  for (const request of requests.all) {
    const { answer, key } = request;
    if (answer && (answer.status === 400 || !random.chance(0.1))) continue;
    const again = await sendBusy(api, request);
    if (answer) {
      expect([key, again.status, again.body]).toEqual([key, answer.status, answer.body]);
      expect(again.headers.get('idempotency-hit')).toBe('true');
    } else {
      expect(MAY_BE).toContain(again.status);
      if (again.headers.get('idempotency-hit') === 'true') unanswered++;
      requests.learn(request, again);
    }
  }
  return unanswered;
}

describe('holds, limits, schedules, interest and periods in a service killed with kill -9', () => {
  it(
    'at any step under load: nothing answered is lost, and nothing happens twice',
    async () => {
      const random = seededRandom();
      const databases = await cloneDatabases();
      const { urls } = databases;
      const proxies: Proxies = {
        log: await DatabaseProxy.start(urls.log),
        state: await DatabaseProxy.start(urls.state),
      };
      for (const proxy of Object.values(proxies)) databases.onEnd(() => proxy.close());
      const start = () =>
        spawnService({ urls: { log: proxies.log.url, state: proxies.state.url } });
      let service = await start();
      await openBusyBooks(service);
      const requests = new BusyRequests(random);
      let happened = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const window = WINDOWS[round % WINDOWS.length];
        const killAtCommit = window && (() => proxies[window.database].next(window.fate));
        await workUntilKilled(service, requests, random, killAtCommit);
        for (const proxy of Object.values(proxies)) proxy.cutAll();
        service = await start();
        happened += await repeat(service, requests, random);
      }
      await waitForDue(databases);
      service.kill('SIGTERM');
      expect(await service.exited).toBe(0);
      process.stderr.write(
        `${requests.all.length} requests, ${happened} had happened unanswered\n`,
      );
      await checkBusyBooks(databases, requests.all);
    },
    90_000 + ROUNDS * 20_000,
  );
});
