import { openSigningKey } from '../src/proof/checkpoints/checkpoint-key';
import { checkpointNow, type WrittenCheckpoint } from '../src/proof/checkpoints/write-checkpoint';
import { Config } from '../src/config';
import { openPool, ROLES } from '../src/database/connections';
import type { LogDatabase } from '../src/engine/write/event-log';
import { openDatabases, parseCommandLine, runScript } from './run-script';

const TIMEOUTS = { lockTimeoutMs: 5_000, statementTimeoutMs: 60_000 };

runScript(async () => {
  const { values } = parseCommandLine({
    options: {
      dir: { type: 'string' },
      json: { type: 'boolean', default: false },
      'public-key': { type: 'boolean', default: false },
    },
  });
  const config = Config.load();
  if (values['public-key']) {
    const { text } = await openSigningKey(config.checkpoints);
    process.stdout.write(`${text}\n`);
    return 0;
  }
  const urls = await openDatabases(config);
  const log = openPool<LogDatabase>(urls.log, ROLES.logReader, TIMEOUTS, 1, () => undefined);
  const written = await checkpointNow({
    ...{ config: config.checkpoints, log },
    ...(values.dir !== undefined && { directory: values.dir }),
  }).finally(() => log.destroy());
  process.stdout.write(`${values.json ? JSON.stringify(written) : summaryOf(written)}\n`);
  for (const { name, problem } of written.problems) {
    process.stderr.write(`${name} is no checkpoint: ${problem}\n`);
  }
  return 0;
});

function summaryOf({ position, hash, location, isNew }: WrittenCheckpoint): string {
  const done = isNew ? 'Wrote' : 'The log has nothing new since';
  return `${done} checkpoint ${location}: position ${position}, hash ${hash}.`;
}
