import { Pace, REST } from '../../src/proof/runs/pace';
import { Config } from '../../src/config';
import type { EngineLog } from '../../src/engine/write/ledger-parts';
import { openLedger, type OpenLedger } from '../../src/engine/open-ledger';
import { features } from '../../src/features';
import type { ReplayReport, VerificationReport } from '../../src/proof/replay/report';
import { verify } from '../../src/proof/replay/verify';
import type { BenchCluster } from './databases';
import { measureTransfers, openAccounts, uniformPair, type ChoosePair } from './engine-load';
import { fillMixed } from './mixed-load';
import { measureRebuilds, measureScript } from './processes';
import { median, type Results } from './report';
import { ACCOUNTS, type Sizes } from './sizes';

const IN_FLIGHT = 64;
const EVENTS = 'events/s';
const LARGEST = 'the largest process';

/**
 * Measures on a log with events of every kind: a replay, a verification, how long the swap at the
 * end of a replay holds writers at full speed, rebuilds of growing length, and what a verification
 * in the service's own process leaves to the commands.
 */
export async function measureProof(
  cluster: BenchCluster,
  sizes: Sizes,
  log: EngineLog,
  results: Results,
): Promise<void> {
  const { mixedUrls: urls } = cluster;
  const open = await openLedger({
    ...{ urls, features, log, limits: Config.load({}).engine },
  });
  try {
    const pair = uniformPair(await openAccounts(open, ACCOUNTS));
    await fillMixed(open.ledger, sizes.provenEvents, 1);
    await measureReplay(cluster, sizes, results);
    await measureVerification(cluster, sizes, results);
    await measureSwap(cluster, open, pair, results);
    await fillMixed(open.ledger, Math.max(...sizes.rebuilds), 2);
    await measureLengths(cluster, sizes.rebuilds, results);
    await measureBeside(cluster, open, pair, sizes, results);
  } finally {
    await open.close();
  }
}

async function measureReplay({ dataDir, mixedUrls }: BenchCluster, { rounds }: Sizes, to: Results) {
  const runs = await inRounds(rounds, () =>
    measureScript<ReplayReport>('replay', dataDir, mixedUrls),
  );
  const rate = median(runs.map(({ report }) => report.processed / (report.rebuildMs / 1000)));
  const events = runs[0]!.report.processed.toLocaleString('en');
  const note = `${events} events of every kind, hash chain and tasks checked, indexes built`;
  to.add('replay.events_per_s', rate, EVENTS, note);
  to.add('replay.peak_mib', Math.max(...runs.map((run) => run.peakMib)), 'MiB', LARGEST);
}

async function measureVerification(
  { dataDir, mixedUrls }: BenchCluster,
  { rounds }: Sizes,
  to: Results,
) {
  const runs = await inRounds(rounds, () =>
    measureScript<VerificationReport>('verify', dataDir, mixedUrls),
  );
  const rows = runs[0]!.report.tables.reduce((sum, { liveRows }) => sum + liveRows, 0);
  const note = `${rows.toLocaleString('en')} rows compared, the comparison included`;
  to.add('verify.events_per_s', median(runs.map((r) => r.report.eventsPerSecond)), EVENTS, note);
  to.add('verify.peak_mib', Math.max(...runs.map((run) => run.peakMib)), 'MiB', LARGEST);
}

async function inRounds<T>(rounds: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let round = 0; round < rounds; round++) results.push(await run());
  return results;
}

/** Whether the time that a rebuild takes grows as the log does. */
async function measureLengths(
  { mixedUrls: urls }: BenchCluster,
  lengths: readonly number[],
  results: Results,
): Promise<void> {
  const rates = await measureRebuilds({ urls, lengths });
  for (const [i, rate] of rates.entries()) {
    const share = Math.round((100 * rate) / median(rates));
    const note = `${share} % of the median of all lengths; one process, which had begun before`;
    results.add(`rebuild.events_per_s.${lengths[i]}`, rate, EVENTS, note);
  }
}

/** A replay beside transfers at full speed. */
async function measureSwap(
  { dataDir, mixedUrls }: BenchCluster,
  open: OpenLedger,
  pair: ChoosePair,
  results: Results,
): Promise<void> {
  let isRunning = true;
  let longestMs = 0;
  const write = async () => {
    while (isRunning) {
      // In short stretches, whose slowest command is the longest wait.
      const { slowestMs } = await measureTransfers(open, pair, IN_FLIGHT, 200);
      longestMs = Math.max(longestMs, slowestMs);
    }
  };
  const writing = write();
  const { report } = await measureScript<ReplayReport>('replay', dataDir, mixedUrls);
  isRunning = false;
  await writing;
  const note = `under both locks, beside ${IN_FLIGHT} writers; the slowest command of that time `;
  results.add(
    'replay.swap_ms',
    report.swapMs ?? NaN,
    'ms',
    `${note}took ${Math.round(longestMs)} ms`,
  );
}

/** Transfers with and without a verification in the same process, as the service runs it. */
async function measureBeside(
  { mixedUrls: urls }: BenchCluster,
  open: OpenLedger,
  pair: ChoosePair,
  sizes: Sizes,
  results: Results,
): Promise<void> {
  const alone: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < sizes.rounds; round++) {
    alone.push((await measureTransfers(open, pair, IN_FLIGHT, sizes.engineMs)).perSecond);
    const stop = new AbortController();
    const readHead = () => Promise.resolve(open.ledger.head.position);
    const { wait: pace } = new Pace(readHead, REST.verification, stop.signal);
    const { registry } = open;
    const verifying = verify({ urls, registry, pace, signal: stop.signal });
    beside.push((await measureTransfers(open, pair, IN_FLIGHT, sizes.engineMs)).perSecond);
    stop.abort(new Error('enough was measured'));
    await verifying;
  }
  const share = Math.round((100 * median(beside)) / median(alone));
  const note = `${share} % of the ${Math.round(median(alone))} without, measured in turn`;
  results.add('engine.beside_verification.64', median(beside), 'transfers/s', note);
}
