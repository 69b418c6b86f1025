import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Config } from '../../src/config';
import { openLedger, type OpenLedger } from '../../src/engine/open-ledger';
import { features } from '../../src/features';
import { measureBesideReaders, shares } from './beside-readers';
import { readConditions } from './conditions';
import { measureDatedReads } from './dated-reads';
import { openCluster, type BenchCluster } from './databases';
import {
  fillLog,
  limitVelocity,
  measureRepeated,
  measureTransfers,
  openAccounts,
  openHotPair,
  uniformPair,
  type ChoosePair,
} from './engine-load';
import { measureExpiry, measureHoldPairs, type DueLoad } from './holds';
import { cheapReads, measureHttpBesideReaders } from './http-beside-readers';
import type { HttpLoad } from './http-load';
import { measureImport } from './import-load';
import { measureInterest } from './interest';
import { measureNaive } from './naive';
import { measurePeriods } from './periods';
import { findPgbench, measurePgbench } from './pgbench';
import { measureHttp, startBareRoute, startService, type Server } from './processes';
import { measureProof } from './proof';
import { formatReport, median, Results } from './report';
import { measureSchedules } from './schedules';
import { measureSearchable } from './searchable';
import { ACCOUNTS, FULL, QUICK, type Sizes } from './sizes';
import { measureTasks } from './task-load';
import { errorMessage, isError } from '../../src/database/errors';

const IN_FLIGHT = [1, 8, 64, 256];
const [MOST, TRANSFERS] = [256, 'transfers/s'] as const;
const HTTP_CONNECTIONS = 64;
const BATCH = { size: 100, connections: 8 } as const;
const ENTRIES_PER_ACCOUNT = 5;
const LEDGER = {
  features,
  limits: Config.load({}).engine,
  log: { warn: complain, error: complain },
};

/** One run: everything is measured on one cluster, one after the other. */
class Bench {
  readonly results = new Results();

  constructor(
    private readonly cluster: BenchCluster,
    private readonly sizes: Sizes,
    private readonly pgbench: string,
  ) {}

  async run(): Promise<void> {
    const { cluster, sizes } = this;
    const open = await openLedger({ ...LEDGER, urls: cluster.urls });
    let accounts: string[];
    try {
      accounts = await openAccounts(open, ACCOUNTS);
      await this.engine(open, uniformPair(accounts));
      say('the naive path');
      const naive = await measureNaive(cluster.naiveUrls, sizes.engineMs);
      this.results.add('engine.naive', naive, TRANSFERS, 'one command per transaction pair');
      await this.atManyEvents(open, uniformPair(accounts));
      await this.besideReaders(open, uniformPair(accounts));
    } finally {
      await open.close();
    }
    await this.http(accounts);
    await this.tasks();
    await this.interest();
    await this.datedReads();
    await this.proof();
  }

  private async engine(open: OpenLedger, uniform: ChoosePair): Promise<void> {
    const { results, sizes } = this;
    const hot = await openHotPair(open);
    for (const inFlight of IN_FLIGHT.filter((n) => n !== MOST)) {
      say(`the engine with ${inFlight} in flight`);
      const load = await this.transfers(open, uniform, inFlight);
      results.add(`engine.uniform.${inFlight}`, load.perSecond, TRANSFERS);
      if (inFlight === 64) results.add('engine.p99_ms.64', load.p99Ms, 'ms');
      results.add(
        `engine.hot.${inFlight}`,
        (await this.transfers(open, hot, inFlight)).perSecond,
        TRANSFERS,
      );
    }
    // Machines drift: what is compared is measured in turn.
    const rates = { uniform: [] as number[], hot: [] as number[], pgbench: [] as number[] };
    for (let round = 1; round <= sizes.rounds; round++) {
      say(`pgbench and the engine with ${MOST} in flight, round ${round} of ${sizes.rounds}`);
      rates.pgbench.push(
        await measurePgbench(this.pgbench, this.cluster.pgbenchUrl, sizes.pgbenchSeconds),
      );
      rates.uniform.push((await this.transfers(open, uniform, MOST)).perSecond);
      rates.hot.push((await this.transfers(open, hot, MOST)).perSecond);
    }
    results.add(`engine.uniform.${MOST}`, median(rates.uniform), TRANSFERS);
    results.add(`engine.hot.${MOST}`, median(rates.hot), TRANSFERS);
    results.add('pgbench.insert.64', median(rates.pgbench), 'commits/s', 'one-row inserts');
    await this.limited(open, hot);
    await measureSearchable(open, uniform, MOST, sizes, results);
    await this.repeated(open, uniform);
    await this.holds(open, uniform);
    await this.due(open, uniform);
  }

  /** A hot pair whose debited account has velocity limits, in turn with one that has none. */
  private async limited(open: OpenLedger, hot: ChoosePair): Promise<void> {
    say('an account with velocity limits');
    const limited = await openHotPair(open);
    await limitVelocity(open, limited()[0]);
    const rates = { hot: [] as number[], limited: [] as number[] };
    for (let round = 1; round <= this.sizes.rounds; round++) {
      rates.hot.push((await this.transfers(open, hot, MOST)).perSecond);
      rates.limited.push((await this.transfers(open, limited, MOST)).perSecond);
    }
    const [without, rate] = [median(rates.hot), median(rates.limited)];
    const note = `under two velocity limits: ${Math.round((100 * rate) / without)} % of without`;
    this.results.add(`engine.limited.${MOST}`, rate, TRANSFERS, note);
  }

  private async repeated(open: OpenLedger, uniform: ChoosePair): Promise<void> {
    say(`repeats and reversals with ${MOST} in flight`);
    const load = await measureRepeated(open, uniform, MOST, this.sizes.engineMs);
    const shareOf = (rate: number) =>
      `${Math.round((100 * rate) / load.posted)} % of the ${Math.round(load.posted)} posted before`;
    for (const [name, rate] of [
      ['repeated', load.repeated],
      ['reverse', load.reversed],
    ] as const) {
      this.results.add(`engine.${name}.${MOST}`, rate, TRANSFERS, shareOf(rate));
    }
  }

  private async holds(open: OpenLedger, uniform: ChoosePair): Promise<void> {
    const { results, sizes } = this;
    const rates = { transfers: [] as number[], pairs: [] as number[] };
    for (let round = 1; round <= sizes.rounds; round++) {
      say(`holds and captures with ${MOST} in flight, round ${round} of ${sizes.rounds}`);
      rates.transfers.push((await this.transfers(open, uniform, MOST)).perSecond);
      rates.pairs.push(await measureHoldPairs(open, uniform, MOST, sizes.engineMs));
    }
    const [transfers, pairs] = [median(rates.transfers), median(rates.pairs)];
    const share = `${Math.round((100 * pairs) / transfers)} % of the ${Math.round(transfers)}`;
    const note = `a hold and its capture each; ${share} transfers/s, in turn`;
    results.add(`engine.hold_capture.${MOST}`, pairs, 'pairs/s', note);
  }

  private async due(open: OpenLedger, uniform: ChoosePair): Promise<void> {
    const { expiringHolds, dueSchedules } = this.sizes;
    say(`${expiringHolds.toLocaleString('en')} holds that expire together`);
    this.addDue('holds.expire', expiringHolds, await measureExpiry(open, uniform, expiringHolds));
    say(`${dueSchedules.toLocaleString('en')} scheduled transactions that are due together`);
    const posted = await measureSchedules(open, uniform, dueSchedules);
    this.addDue('schedules.post', dueSchedules, posted);
  }

  private addDue(name: string, count: number, { seconds, longestWaitMs }: DueLoad): void {
    const wait = `another command waited ${Math.round(longestWaitMs)} ms at most`;
    this.results.add(`${name}_${count / 1000}k_s`, seconds, 's', wait);
  }

  private async transfers(open: OpenLedger, pair: ChoosePair, inFlight: number) {
    await measureTransfers(open, pair, inFlight, this.sizes.warmUpMs);
    return measureTransfers(open, pair, inFlight, this.sizes.engineMs);
  }

  private async atManyEvents(open: OpenLedger, uniform: ChoosePair): Promise<void> {
    const { events } = this.sizes;
    say(`filling the log to ${events.toLocaleString('en')} events`);
    await fillLog(open, uniform, events);
    const position = open.ledger.head.position;
    const { perSecond } = await this.transfers(open, uniform, MOST);
    const note = `from position ${position.toLocaleString('en')} on`;
    this.results.add(`engine.uniform.${MOST}.at_1m_events`, perSecond, TRANSFERS, note);
  }

  private async besideReaders(open: OpenLedger, uniform: ChoosePair): Promise<void> {
    const { rounds, engineMs } = this.sizes;
    say('the engine beside readers');
    const rates = await measureBesideReaders(open, uniform, rounds, engineMs);
    const note = `beside 40 expensive readers; ${shares(rates)}`;
    this.results.add('engine.beside_readers.64', rates.writersBeside, TRANSFERS, note);
  }

  private async http(accounts: readonly string[]): Promise<void> {
    const apiKey = randomBytes(24).toString('hex');
    const path = '/v1/transactions';
    const single = { accounts, apiKey, batchSize: 1, seconds: this.sizes.httpSeconds };
    const load = { ...single, warmUpSeconds: this.sizes.warmUpMs / 1000 };
    say('the bare route');
    await using(startBareRoute(this.cluster.dataDir), async ({ url }) => {
      const bare = { ...load, url: url + path, connections: HTTP_CONNECTIONS };
      const { transfersPerSecond } = await measureHttp(bare);
      this.results.add('http.bare.64', transfersPerSecond, 'requests/s', 'no ledger behind');
    });
    await using(startService(this.cluster.dataDir, apiKey), async ({ url }) => {
      for (const connections of [1, HTTP_CONNECTIONS]) {
        say(`HTTP with ${connections} connections`);
        const result = await measureHttp({ ...load, url: url + path, connections });
        const share = this.shareOfAllowed(connections, result.transfersPerSecond);
        const note = `p99 ${result.p99Ms} ms${share}`;
        const name = `http.single.${connections}`;
        this.results.add(name, result.transfersPerSecond, TRANSFERS, note);
      }
      await this.balances(load, url);
      say(`HTTP with batches of ${BATCH.size}`);
      const { transfersPerSecond } = await measureHttp({
        ...load,
        url: `${url}${path}/batch`,
        connections: BATCH.connections,
        batchSize: BATCH.size,
      });
      const note = `${BATCH.connections} connections`;
      this.results.add('http.batch100', transfersPerSecond, TRANSFERS, note);
      await this.refused(load, url + path);
      await this.besideCheapReaders(load, url);
      await measureImport(this.cluster.dataDir, this.sizes.importedLines, this.results);
    });
    await this.besideRefused(load, path);
  }

  /** How many balances are read a second, of many accounts in turn. */
  private async balances(load: Omit<HttpLoad, 'url' | 'connections'>, url: string): Promise<void> {
    say('balances');
    const reading = { ...load, isRead: true, url: `${url}/v1/accounts/{id}` };
    const { transfersPerSecond, p99Ms } = await measureHttp({
      ...reading,
      connections: HTTP_CONNECTIONS,
    });
    const bare = this.results.valueOf(`http.bare.${HTTP_CONNECTIONS}`)!;
    const percent = Math.round((100 * transfersPerSecond) / bare);
    const note = `p99 ${p99Ms} ms; ${percent} % of the ${bare} of the bare route`;
    this.results.add(`read.balance.${HTTP_CONNECTIONS}`, transfersPerSecond, 'balances/s', note);
  }

  /** What callers of small answers leave to writers. */
  private async besideCheapReaders(
    load: Omit<HttpLoad, 'url' | 'connections'>,
    url: string,
  ): Promise<void> {
    for (const [name, path] of cheapReads(load.accounts[0]!)) {
      say(`writers beside readers of ${name}`);
      const rates = await measureHttpBesideReaders(url, load, path, this.sizes.rounds);
      const what = path.replace(load.accounts[0]!, '{id}');
      const note = `beside 40 readers of ${what}; ${shares(rates)}`;
      this.results.add(`http.beside_${name}.64`, rates.writersBeside, TRANSFERS, note);
    }
  }

  /** How fast those are sent away who have no key that fits. */
  private async refused(load: Omit<HttpLoad, 'url' | 'connections'>, url: string): Promise<void> {
    say('wrong keys');
    const wrong = { ...load, apiKey: 'of-nobody', isRefused: true };
    const result = await measureHttp({ ...wrong, url, connections: HTTP_CONNECTIONS });
    const rate = result.transfersPerSecond;
    this.results.add(`http.refused.${HTTP_CONNECTIONS}`, rate, 'requests/s', 'wrong keys');
  }

  /** What a flood of wrong keys leaves to writers, under the default limit by address. */
  private async besideRefused(
    load: Omit<HttpLoad, 'url' | 'connections'>,
    path: string,
  ): Promise<void> {
    const limited = { RATE_LIMIT_PER_ADDRESS: '' };
    await using(startService(this.cluster.dataDir, load.apiKey, limited), async ({ url }) => {
      say('writers beside wrong keys');
      const writers = { ...load, url: url + path, connections: HTTP_CONNECTIONS };
      const alone = await measureHttp(writers);
      const flood = { ...writers, apiKey: 'of-nobody', isRefused: true };
      const [beside, refused] = await Promise.all([measureHttp(writers), measureHttp(flood)]);
      const share = Math.round((100 * beside.transfersPerSecond) / alone.transfersPerSecond);
      const note =
        `${share} % of the ${Math.round(alone.transfersPerSecond)} alone, beside ` +
        `${Math.round(refused.transfersPerSecond)} wrong keys/s, whose sender shares the machine`;
      const name = `http.beside_refused.${HTTP_CONNECTIONS}`;
      this.results.add(name, beside.transfersPerSecond, TRANSFERS, note);
    });
  }

  /** A request costs what the route costs and what the engine costs; both share the machine. */
  private shareOfAllowed(connections: number, perSecond: number): string {
    const bare = this.results.valueOf(`http.bare.${connections}`);
    const engine = this.results.valueOf(`engine.uniform.${connections}`);
    if (bare === undefined || engine === undefined) return '';
    const allowed = 1 / (1 / bare + 1 / engine);
    const percent = Math.round((100 * perSecond) / allowed);
    return `; ${percent} % of the ${Math.round(allowed)} that route and engine allow together`;
  }

  private async tasks(): Promise<void> {
    say('posting with tasks, and the dispatcher');
    const rates = await measureTasks(this.cluster.taskUrls, this.sizes, LEDGER.log);
    const { results } = this;
    const share = Math.round((100 * rates.withTask) / rates.without);
    const note = `one task each; ${share} % of the ${Math.round(rates.without)} without, in turn`;
    results.add(`engine.with_task.${MOST}`, rates.withTask, TRANSFERS, note);
    const path = 'from the log through PostgreSQL to the record, handler that does nothing';
    results.add('tasks.dispatch_per_s', rates.dispatched, 'tasks/s', path);
    const { recorded, queued, heldMib } = rates.backlog;
    const behind = `jobs in the queue with ${recorded.toLocaleString('en')} tasks and no worker`;
    results.add('tasks.backlog_queued', queued, 'jobs', behind);
    results.add('tasks.backlog_held_mib', Math.max(0, heldMib), 'MiB', 'more in the process');
  }

  private async interest(): Promise<void> {
    const { interestAccounts } = this.sizes;
    say(`interest on ${interestAccounts.toLocaleString('en')} accounts`);
    const open = await openLedger({ ...LEDGER, urls: this.cluster.interestUrls });
    try {
      const load = await measureInterest(open, interestAccounts, ENTRIES_PER_ACCOUNT);
      const perSecond = load.accounts / load.firstSeconds;
      const took = `${load.accounts.toLocaleString('en')} in ${load.firstSeconds.toFixed(1)} s`;
      const note = `${took}, one more day in ${load.nextSeconds.toFixed(1)} s`;
      this.results.add('interest.accounts_per_s', perSecond, 'accounts/s', note);
      this.results.add('interest.longest_wait_ms', load.longestWaitMs, 'ms', 'of another command');
      await this.periods(open);
    } finally {
      await open.close();
    }
  }

  /** In the books of the interest: so many accounts more are looked at, and sealed. */
  private async periods(open: OpenLedger): Promise<void> {
    const accounts = this.sizes.interestAccounts;
    say(`the close of a period with ${accounts.toLocaleString('en')} income accounts`);
    const load = await measurePeriods(open, accounts);
    const carried = `${accounts.toLocaleString('en')} accounts carried, twice as many sealed`;
    const note = `${carried}; checking the seal takes ${load.checkSeconds.toFixed(1)} s`;
    this.results.add(`periods.close_${accounts / 1000}k_s`, load.closeSeconds, 's', note);
  }

  private async datedReads(): Promise<void> {
    const { dated } = this.sizes;
    say(`reads by date, of ${dated.map((size) => size.toLocaleString('en')).join(' and ')}`);
    const open = await openLedger({ ...LEDGER, urls: this.cluster.datedUrls });
    try {
      await measureDatedReads(open, dated, this.results);
    } finally {
      await open.close();
    }
  }

  private async proof(): Promise<void> {
    say('replay and verification');
    await measureProof(this.cluster, this.sizes, LEDGER.log, this.results);
  }
}

async function using(start: Promise<Server>, work: (server: Server) => Promise<void>) {
  const server = await start;
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

/** Progress for people, on standard error. */
function say(what: string): void {
  process.stderr.write(`Measuring ${what} …\n`);
}

function complain(details: object, message: string): void {
  const { err } = details as { err?: unknown };
  process.stderr.write(`${message}${isError(err) ? `: ${err.message}` : ''}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const sizes = values.quick ? QUICK : FULL;
  const pgbench = await findPgbench();
  const cluster = await openCluster(sizes.walFiles);
  try {
    const conditions = await readConditions(cluster.urls.log, sizes);
    const bench = new Bench(cluster, sizes, pgbench);
    await bench.run();
    const report = { conditions, results: bench.results.list };
    process.stdout.write(`${values.json ? JSON.stringify(report) : formatReport(report)}\n`);
  } finally {
    await cluster.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${errorMessage(error)}\n`);
  process.exitCode = 1;
});
