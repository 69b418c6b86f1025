import { setTimeout as delay } from 'node:timers/promises';
import {
  changeAddress,
  createCompanies,
  expectEachToldOnce,
  expectNoTrace,
  settledAddresses,
  type TestCompany,
} from '../../harness/address-changes';
import type { ApiClient } from '../../harness/api-client';
import { cloneDatabases } from '../../harness/databases';
import { MailServer } from '../../harness/mail-server';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { spawnProcess, spawnService, type SpawnOptions } from '../../harness/service';
import { BACKENDS } from './queue-backends';

const ROUNDS = rounds(5, 30);
const CLIENTS = 6;
const COMPANIES = 24;
/** The kill comes after this time at most from when the service listens, or from its start. */
const MAX_LIFE_MS = 400;
const MAX_START_MS = 1_000;
const START_KILLS = 0.15;
const CLIENT_PAUSE_MS = 10;
/** A round with the start of the service, on a machine that does other things too. */
const ROUND_MS = 15_000;

const ENV = {
  LOG_LEVEL: 'debug',
  SECRETS_KEY: '5'.repeat(64),
  TASK_POLL_MS: '100',
  TASK_SWEEP_MS: '200',
  TASK_GRACE_MS: '500',
  TASK_BACKOFF_MS: '50',
  TASK_LOCK_MS: '1000',
};

/** Clients that change addresses through whichever service lives; each waits for its answer. */
class Clients {
  /** What every client was told has happened: the key, and the position of the change. */
  readonly acknowledged = new Map<string, number>();
  repeated = 0;
  private isOver = false;
  private alive = Promise.withResolvers<ApiClient>();
  private readonly ended: Promise<unknown>;

  constructor(
    private readonly companies: readonly TestCompany[],
    private readonly random: Random,
  ) {
    this.ended = Promise.all(Array.from({ length: CLIENTS }, (_, name) => this.run(name)));
  }

  serve(api: ApiClient): void {
    this.alive.resolve(api);
  }

  /** To be called before the service is killed: what fails then waits for the next one. */
  lose(): void {
    this.alive = Promise.withResolvers();
  }

  /** Every change under way gets its answer. */
  async end(): Promise<void> {
    this.isOver = true;
    await this.ended;
  }

  private async run(name: number): Promise<void> {
    for (let i = 0; !this.isOver; i++) {
      const key = `${name}.${i}`;
      const position = await this.change(this.random.pick(this.companies), key);
      this.acknowledged.set(key, position);
      await delay(this.random.below(CLIENT_PAUSE_MS));
    }
  }

  /** The same key until there is an answer, as a client does that must know. */
  private async change(company: TestCompany, key: string): Promise<number> {
    for (;;) {
      const api = await this.alive.promise;
      const answer = await changeAddress(api, company, key).catch(() => undefined);
      if (answer?.status === 200) return answer.body.position;
      if (answer && answer.status !== 503) throw new Error(answer.body.detail);
      this.repeated++;
      await delay(CLIENT_PAUSE_MS);
    }
  }
}

/** Kills service after service. @returns what they printed */
async function killRounds(
  rounds: number,
  spawn: SpawnOptions,
  clients: Clients,
  random: Random,
): Promise<string> {
  let printed = '';
  for (let round = 0; round < rounds; round++) {
    if (random.chance(START_KILLS)) {
      const { child, exited, output } = await spawnProcess(spawn);
      await delay(random.below(MAX_START_MS));
      child.kill('SIGKILL');
      await exited;
      printed += output();
      continue;
    }
    const service = await spawnService(spawn);
    clients.serve(service.api);
    await delay(random.below(MAX_LIFE_MS));
    clients.lose();
    service.kill('SIGKILL');
    expect(await service.exited).toBe('SIGKILL');
    printed += service.output();
  }
  return printed;
}

describe('the service killed with kill -9 while addresses change', () => {
  it.each([
    [ROUNDS, ...BACKENDS[0]],
    [rounds(2, 10), ...BACKENDS[1]],
  ] as const)(
    '%i times, with the queue on %s: each change is told, once for who looks at the id',
    async (rounds, _, startQueue) => {
      const random = seededRandom();
      const databases = await cloneDatabases();
      const { urls } = databases;
      const queue = await startQueue(urls);
      databases.onEnd(() => queue.close());
      const server = await MailServer.start();
      databases.onEnd(() => server.close());
      const { redisUrl } = queue.options;
      const env = { ...ENV, SMTP_URL: server.url, ...(redisUrl && { REDIS_URL: redisUrl }) };

      const first = await spawnService({ urls, env });
      const companies = await createCompanies(first.api, COMPANIES);
      const clients = new Clients(companies, random);
      first.kill('SIGKILL');
      await first.exited;
      const began = Date.now();
      const printed = await killRounds(rounds, { urls, env }, clients, random);
      const leftOver = await queue.dump();
      const last = await spawnService({ urls, env });
      clients.serve(last.api);
      await clients.end();
      const killedFor = Date.now() - began;
      const changed = await settledAddresses(urls);
      last.kill('SIGTERM');
      expect(await last.exited).toBe(0);

      const told = new Map(changed.map(({ key, position }) => [key, position]));
      expect(told).toEqual(clients.acknowledged);
      expect(told.size).toBe(changed.length);
      expect(changed.filter(({ status }) => status !== 'done')).toEqual([]);
      expectEachToldOnce(server, companies, changed);

      expectNoTrace([printed, last.output(), leftOver, await queue.dump()].join('\n'));
      process.stderr.write(
        `${killedFor} ms: ${changed.length} changes, ${clients.repeated} asked for again; ` +
          `${server.mails.length} mails, ${changed.filter((c) => c.attempts > 1).length} tasks ` +
          `tried again\n`,
      );
    },
    60_000 + ROUNDS * ROUND_MS,
  );
});
