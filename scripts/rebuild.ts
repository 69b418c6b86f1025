import { Config } from '../src/config';
import { migrateState } from '../src/database/migrator';
import { Registry } from '../src/engine/define/registry';
import { features } from '../src/features';
import { rebuildInto } from '../src/proof/replay/rebuild-into';
import { progressBar } from './progress-bar';
import { openDatabases, parseCommandLine, runScript } from './run-script';

/**
 * What this program makes of a log, in an empty state database: how `verify --against` asks
 * another release. The log is only read; one line of JSON is the answer.
 */
runScript(async () => {
  const { values } = parseCommandLine({ options: { to: { type: 'string' } } });
  const urls = await openDatabases(Config.load());
  await migrateState(urls.state);
  const progress = progressBar('events');
  const made = await rebuildInto({
    ...{ urls, registry: new Registry(features) },
    toPosition: values.to === undefined ? undefined : Number(values.to),
    onProgress: (position, head) => progress.update(position, head),
  }).finally(() => progress.stop());
  process.stdout.write(`${JSON.stringify(made)}\n`);
  return 0;
});
