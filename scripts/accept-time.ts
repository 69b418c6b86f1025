import { Config } from '../src/config';
import { openPool } from '../src/database/connections';
import { migrate } from '../src/database/migrator';
import { acceptTime } from '../src/engine/write/accepted-times';
import type { LogDatabase } from '../src/engine/write/event-log';
import { openDatabases, parseCommandLine, runScript, UsageError } from './run-script';

runScript(async () => {
  const { values } = parseCommandLine({ options: { reason: { type: 'string' } } });
  const reason = values.reason?.trim();
  if (!reason) throw new UsageError('--reason says why the log may go on: --reason "ticket 4711"');
  const config = Config.load();
  const urls = await openDatabases(config);
  await migrate(urls);
  const log = openPool<LogDatabase>(urls.log, undefined, config.engine, 1, () => undefined);
  const done = await acceptTime(log, reason).finally(() => log.destroy());
  if (done.kind === 'not ahead') {
    process.stderr.write(
      'The last event is not later than the clock: nothing is to be accepted.\n',
    );
    return 1;
  }
  const { recordedAt, position } = done;
  process.stdout.write(
    `The log goes on after position ${position}; until ${recordedAt} every event says that time.\n`,
  );
  return 0;
});
