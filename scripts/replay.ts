import { Config } from '../src/config';
import { migrate } from '../src/database/migrator';
import { Registry } from '../src/engine/registry';
import { features } from '../src/features';
import { replay, type ReplayReport } from '../src/replay/replay';
import { progressBar } from './progress-bar';
import { openDatabases, parseCommandLine, runScript } from './run-script';

/** Exit codes; 3 is kept for a rebuilt state that differs from the live one. */
const [SWAPPED, OTHER, EVENT_OF_DOOM] = [0, 1, 4];

runScript(async () => {
  const { values } = parseCommandLine({ options: { json: { type: 'boolean', default: false } } });
  const registry = new Registry(features);
  const urls = await openDatabases(Config.load());
  await migrate(urls);
  const progress = progressBar('events');
  const report = await replay({
    urls,
    registry,
    onProgress: (position, head) => progress.update(position, head),
  }).finally(() => progress.stop());
  process.stdout.write(`${values.json ? JSON.stringify(report) : summaryOf(report)}\n`);
  if (report.doom) return EVENT_OF_DOOM;
  return report.status === 'swapped' ? SWAPPED : OTHER;
});

function summaryOf(report: ReplayReport): string {
  const { processed, toPosition, eventsPerSecond, chain, doom, tasks } = report;
  const kept = 'The state is as it was before.';
  if (doom) {
    const { position, type, eventId, error } = doom;
    return `Event ${position} (${type}, ${eventId}) cannot be materialized: ${error}. ${kept}`;
  }
  if (!chain.ok) return `The hash chain is broken at position ${chain.brokenAt}. ${kept}`;
  const rate = eventsPerSecond.toLocaleString('en');
  const done = `Rebuilt the state from ${processed} events up to position ${toPosition}`;
  const { matched, missing, extra, firstDifference } = tasks;
  const compared = `Tasks: ${matched} matched, ${missing} missing, ${extra} extra`;
  const from = firstDifference === null ? '' : `, from position ${firstDifference} on`;
  return `${done}, ${rate} events/s. ${compared}${from}.`;
}
