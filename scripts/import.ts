import { Config } from '../src/config';
import { isError } from '../src/database/errors';
import { migrate } from '../src/database/migrator';
import { openLedger } from '../src/engine/open-ledger';
import { features } from '../src/features';
import { checkFile } from '../src/books/import/csv-rows';
import { importFile, type ImportReport } from '../src/books/import/import-file';
import { importPlan } from '../src/books/import/import-plan';
import { progressBar } from './progress-bar';
import { openDatabases, parseCommandLine, runScript, UsageError } from './run-script';

/** Exit codes: everything of the file is in the books, or some rows were refused. */
const [COMPLETE, SOME_REFUSED] = [0, 2];
const READ_CONNECTIONS = 2;

const options = {
  name: { type: 'string' },
  currency: { type: 'string' },
  'account-type': { type: 'string' },
  'account-prefix': { type: 'string' },
  'create-accounts': { type: 'boolean' },
  against: { type: 'string', multiple: true },
  counter: { type: 'string' },
  new: { type: 'boolean', default: false },
} as const;

runScript(async () => {
  const { values, positionals } = parseCommandLine({ options, allowPositionals: true });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new UsageError('Give one file: npm run import -- FILE --currency CODE --counter …');
  }
  const plan = importPlan({
    file,
    name: values.name,
    currency: values.currency,
    accountType: values['account-type'],
    accountPrefix: values['account-prefix'],
    createAccounts: values['create-accounts'],
    against: values.against,
    counter: values.counter,
  });
  await checkFile(file, plan);
  const config = Config.load();
  const urls = await openDatabases(config, { mayMake: values.new });
  await migrate(urls);
  const { engine: limits, timeZone } = config;
  const open = await openLedger({
    urls,
    features,
    limits,
    timeZone,
    reads: { cheap: READ_CONNECTIONS },
    log: { warn: report('warning'), error: report('error') },
  });
  const progress = progressBar('rows');
  const result = await importFile({
    file,
    plan,
    open,
    onRefused: ({ line, reason }) => progress.say(`Line ${line}: ${reason}`),
    onProgress: (done, lines) => progress.update(done, lines),
  }).finally(async () => {
    progress.stop();
    await open.close();
  });
  process.stdout.write(`${summaryOf(result)}\n`);
  return result.refused > 0 ? SOME_REFUSED : COMPLETE;
});

function report(level: string) {
  return (details: object, message: string) => {
    const { err } = details as { err?: unknown };
    const reason = isError(err) ? `: ${err.message}` : '';
    process.stderr.write(`${level}: ${message}${reason}\n`);
  };
}

function summaryOf({ rows, posted, alreadyThere, refused, rowsPerSecond }: ImportReport): string {
  const rate = rowsPerSecond.toLocaleString('en');
  return (
    `${rows} rows: ${posted} posted, ${alreadyThere} already there, ${refused} refused ` +
    `(${rate} rows/s).`
  );
}
