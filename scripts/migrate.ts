import { Config } from '../src/config';
import { migrate } from '../src/database/migrator';
import { openDatabases, parseCommandLine, runScript } from './run-script';

runScript(async () => {
  parseCommandLine({ options: {} });
  const { ran } = await migrate(await openDatabases(Config.load(), { mayMake: true }));
  for (const name of ran) process.stdout.write(`${name}\n`);
  const count = ran.length === 1 ? '1 migration ran' : `${ran.length} migrations ran`;
  process.stdout.write(`${ran.length === 0 ? 'Both databases are up to date' : count}.\n`);
  return 0;
});
