import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { query } from './harness/cluster';
import { endCluster, ownClusterFolder, postmasterOf, superUrlOf } from './harness/own-cluster';
import { childrenOf } from './harness/process-tree';
import { rounds } from './harness/rounds';
import { runScript } from './harness/script';
import { seededRandom, type Random } from './harness/seed';
import { spawnService, type SpawnedService } from './harness/service';
import { SmallDisk } from './harness/small-disk';
import { waitFor } from './harness/waiting';

/** `SOAK_MINUTES=60` has it run for an hour. */
const MINUTES = Number(process.env['SOAK_MINUTES'] ?? rounds(1, 10));
const DISK_BYTES = 2.5 * 1024 ** 3;
/** Less than PostgreSQL needs for its next file of WAL. */
const LEFT_BYTES = 1 << 20;
/** Payments that are sent once more at the end, of all that were acknowledged. */
const ASKED_AGAIN = 2_000;
const ACCOUNTS = 20;
const [WRITERS, READERS, FLOODERS] = [16, 8, 8];
/** Other tests run beside this one: nobody takes the machine for himself. */
const [READ_PAUSE_MS, FLOOD_PAUSE_MS] = [250, 100];
/** As many payments as the small disk has room for, however long it takes. */
const MOST_PAYMENTS = 120_000;
/** Between two troubles; each is over before the next one. */
const PEACE_MS = 6_000;
const FULL_MS = 4_000;
const READY_MS = 60_000;
/** What no process of the ledger ever takes for itself: the service, and each of PostgreSQL. */
const SERVICE_MIB = 900;
const BACKEND_MIB = 256;

/** What callers may be answered; 0: the connection ended. */
const MAY_BE = [0, 200, 400, 401, 429, 503];

const READS = [
  '/v1/events?type=TransactionPosted&limit=200',
  '/v1/reports/trial-balance?asOf=2026-01-31',
  '/v1/accounts?limit=200',
  '/v1/accounts/client:a3/entries?limit=200',
];

/** What writers know of: each payment has a key, and was answered or is tried until it is. */
class Payments {
  private count = 0;
  readonly acknowledged: { key: string; body: object; id: string }[] = [];

  constructor(
    private readonly service: SpawnedService,
    private readonly random: Random,
  ) {}

  async pay(): Promise<void> {
    const key = `payment-${this.count++}`;
    const [from, to] = [this.random.below(ACCOUNTS), this.random.below(ACCOUNTS - 1)];
    const other = (from + 1 + to) % ACCOUNTS;
    const body = {
      description: key,
      postings: [
        { accountId: `client:a${from}`, direction: 'debit', amount: '1.00' },
        { accountId: `client:a${other}`, direction: 'credit', amount: '1.00' },
      ],
    };
    const id = await waitFor(`an answer to ${key}`, () => this.post(key, body), READY_MS * 2);
    this.acknowledged.push({ key, body, id });
  }

  /** The id of the transaction, or undefined where the ledger could not say anything. */
  async post(key: string, body: object): Promise<string | undefined> {
    const options = { idempotencyKey: key };
    const sent = this.service.api.post<{ id: string }>('/v1/transactions', body, options);
    const answer = await sent.catch(() => undefined);
    if (answer === undefined || answer.status === 503 || answer.status === 429) return undefined;
    expect([key, answer.status]).toEqual([key, 201]);
    return answer.body.id;
  }
}

/** Callers that nobody asked for: each answer is one of those that may be, or none. */
class Crowd {
  readonly statuses = new Map<number, number>();
  private readonly large: string;

  constructor(private readonly service: SpawnedService) {
    const postings = [
      { accountId: 'client:a0', direction: 'debit', amount: '0.01' },
      { accountId: 'client:a1', direction: 'credit', amount: '0.01' },
    ];
    const transactions = Array.from({ length: 1000 }, () => ({ description: 'x', postings }));
    this.large = JSON.stringify({ mode: 'independent', transactions });
  }

  read(path: string): Promise<void> {
    return this.ask(path, this.service.key);
  }

  flood(): Promise<void> {
    return this.ask('/v1/accounts', 'tb_a-key-that-nobody-has');
  }

  /** A dry run, so that nothing of it counts. */
  batch(): Promise<void> {
    return this.ask('/v1/transactions/batch?dryRun=true', this.service.key, this.large);
  }

  nonsense(): Promise<void> {
    return this.ask('/v1/transactions', this.service.key, '['.repeat(3_800_000));
  }

  private async ask(path: string, key: string, body?: string): Promise<void> {
    const response = await fetch(`${this.service.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    }).catch(() => undefined);
    await response?.arrayBuffer().catch(() => undefined);
    const status = response?.status ?? 0;
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }
}

/** The most that processes have held for themselves, in MiB. */
class Memory {
  service = 0;
  backend = 0;

  constructor(
    private readonly servicePid: number,
    private readonly dataDir: string,
  ) {}

  async look(): Promise<void> {
    this.service = Math.max(this.service, await ownMib(this.servicePid));
    const postmaster = await postmasterOf(this.dataDir).catch(() => undefined);
    if (postmaster === undefined) return;
    for (const pid of await childrenOf(new Set([postmaster]))) {
      this.backend = Math.max(this.backend, await ownMib(pid));
    }
  }
}

async function ownMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}

/** What happens to the ledger, one after the other. */
function troublesOf(disk: SmallDisk, crowd: Crowd): readonly (() => Promise<void>)[] {
  const dataDir = disk.path;
  return [
    async () => {
      const others = `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name like 'truebook%' and usename <> 'truebook_guard'
          and random() < 0.5`;
      await query(await superUrlOf(dataDir), others).catch(() => undefined);
    },
    () => endCluster(dataDir, 'SIGKILL'),
    async () => {
      await disk.fillUp(LEFT_BYTES);
      await delay(FULL_MS);
      await disk.makeRoom();
    },
    () => crowd.batch(),
    () => crowd.nonsense(),
  ];
}

/** As many payments as were acknowledged are there, and whoever asks again gets the same one. */
async function expectKept(payments: Payments, dataDir: string): Promise<void> {
  const { acknowledged } = payments;
  const step = Math.ceil(acknowledged.length / ASKED_AGAIN);
  for (const { key, body, id } of acknowledged.filter((_, i) => i % step === 0)) {
    const again = await waitFor(`${key} again`, () => payments.post(key, body), READY_MS);
    expect([key, again]).toEqual([key, id]);
  }
  const [{ posted } = { posted: 0 }] = await query<{ posted: number }>(
    (await superUrlOf(dataDir)).replace('/postgres?', '/truebook_log?'),
    `select count(*)::int as posted from event_log where type = 'TransactionPosted'`,
  );
  expect(posted).toBe(acknowledged.length);
}

describe('the service under everything at once', () => {
  it(
    `goes on for ${MINUTES} minutes, with its memory, and loses nothing`,
    async () => {
      const random = seededRandom();
      const disk = await SmallDisk.mount(await ownClusterFolder(), DISK_BYTES);
      const dataDir = disk.path;
      const service = await spawnService({ dataDir, env: { RATE_LIMIT_PER_ADDRESS: 'off' } });
      for (let i = 0; i < ACCOUNTS; i++) {
        const account = { clientId: `a${i}`, name: 'x', type: 'liability', currency: 'USD' };
        expect((await service.api.post('/v1/accounts', account)).status).toBe(201);
      }
      const payments = new Payments(service, random);
      const crowd = new Crowd(service);
      const memory = new Memory(service.pid, dataDir);
      const troubles = troublesOf(disk, crowd);
      const isReady = async () =>
        (await service.api.get('/v1/health/ready').catch(() => undefined))?.status === 200;

      const end = Date.now() + MINUTES * 60_000;
      const until = async (work: () => Promise<void>, pauseMs = 0) => {
        while (Date.now() < end) {
          await work();
          if (pauseMs > 0) await delay(pauseMs);
        }
      };
      const pauseMs = (WRITERS * MINUTES * 60_000) / MOST_PAYMENTS;
      let count = 0;
      const all = [
        ...Array.from({ length: WRITERS }, () => until(() => payments.pay(), pauseMs)),
        ...Array.from({ length: READERS }, (_, i) =>
          until(() => crowd.read(READS[i % READS.length]!), READ_PAUSE_MS),
        ),
        ...Array.from({ length: FLOODERS }, () => until(() => crowd.flood(), FLOOD_PAUSE_MS)),
        until(() => memory.look(), 500),
        until(async () => {
          await delay(PEACE_MS);
          await troubles[count++ % troubles.length]!();
          await waitFor('the service to be ready again', isReady, READY_MS);
        }),
      ];
      await Promise.all(all);

      await waitFor('the service to be ready', isReady, READY_MS);
      const { acknowledged } = payments;
      process.stderr.write(
        `${acknowledged.length} payments, ${count} troubles; the service held ` +
          `${memory.service.toFixed(0)} MiB, a backend ${memory.backend.toFixed(0)} MiB; ` +
          `answers ${JSON.stringify([...crowd.statuses])}\n`,
      );
      expect(acknowledged.length).toBeGreaterThan(MINUTES * 60);
      expect([...crowd.statuses.keys()].filter((s) => !MAY_BE.includes(s))).toEqual([]);
      // Most of them in peace, and some where there was trouble.
      const answers = (status: number) => crowd.statuses.get(status) ?? 0;
      expect(answers(200)).toBeGreaterThan(answers(503) + answers(0));
      expect(memory.service).toBeLessThan(SERVICE_MIB);
      expect(memory.backend).toBeLessThan(BACKEND_MIB);
      await expectKept(payments, dataDir);
      service.kill('SIGTERM');
      expect(await service.exited).toBe(0);
      const verified = await runScript('verify', [], undefined, { DATA_DIR: dataDir });
      expect([verified.end, verified.stdout]).toEqual([0, expect.stringMatching(/^Passed/)]);
      await disk.unmount();
    },
    MINUTES * 60_000 * 2 + 300_000,
  );
});
