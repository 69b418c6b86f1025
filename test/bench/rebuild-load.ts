import { Registry } from '../../src/engine/define/registry';
import { readLogHead } from '../../src/engine/write/heads';
import { features } from '../../src/features';
import type { DatabaseUrls } from '../../src/database/connections';
import { Rebuild } from '../../src/proof/replay/rebuild';
import { median } from './report';
import { errorMessage } from '../../src/database/errors';

/** What is rebuilt, one after another in one process. */
export interface RebuildLoad {
  readonly urls: DatabaseUrls;
  /** Events from the beginning of the log, for each measurement. */
  readonly lengths: readonly number[];
}

/** Rebuilds this short are measured several times. */
const SHORT_EVENTS = 100_000;
const SHORT_ROUNDS = 3;

/**
 * How long rebuilds of growing stretches of the same log take, in this process: what a process
 * costs that has just begun, and compiles the program first, is left out by a rebuild ahead.
 * @returns events per second, for each length
 */
async function measureRebuilds({ urls, lengths }: RebuildLoad): Promise<number[]> {
  await rebuildRate(urls, SHORT_EVENTS);
  const rates: number[] = [];
  for (const length of lengths) {
    const rounds: number[] = [];
    for (let n = length <= SHORT_EVENTS ? SHORT_ROUNDS : 1; n > 0; n--) {
      rounds.push(await rebuildRate(urls, length));
    }
    rates.push(median(rounds));
  }
  return rates;
}

async function rebuildRate(urls: DatabaseUrls, events: number): Promise<number> {
  const rebuild = await Rebuild.open({ urls, registry: new Registry(features) });
  try {
    const { head } = await readLogHead(rebuild.log);
    await rebuild.to({ ...head, position: Math.min(events, head.position) });
    await rebuild.finish();
    return rebuild.processed / (rebuild.spentMs / 1000);
  } finally {
    rebuild.close();
  }
}

if (require.main === module) {
  measureRebuilds(JSON.parse(process.argv[2]!) as RebuildLoad).then(
    (rates) => process.stdout.write(`${JSON.stringify(rates)}\n`),
    (error: unknown) => {
      process.stderr.write(`${errorMessage(error)}\n`);
      process.exitCode = 1;
    },
  );
}
