import { Config } from '../src/config';
import { migrate } from '../src/database/migrator';
import { rotateAdminKey } from '../src/http/admin-key';
import { openDatabases, parseCommandLine, runScript } from './run-script';

runScript(async () => {
  parseCommandLine({});
  const config = Config.load();
  const { dataDir, adminApiKey: configured } = config;
  const urls = await openDatabases(config);
  await migrate(urls);
  const { file } = await rotateAdminKey(urls.log, { dataDir, configured });
  const place = file === undefined ? 'as ADMIN_API_KEY sets it' : `in ${file}`;
  process.stdout.write(`The admin key is another one, ${place}. The one before is withdrawn.\n`);
  return 0;
});
