import { Config } from '../src/config';
import { isError } from '../src/database/errors';
import { migrate } from '../src/database/migrator';
import { openLedger } from '../src/engine/open-ledger';
import { features } from '../src/features';
import { checkFile, type CheckedFile } from '../src/books/import/csv-rows';
import { importFile, type ImportReport } from '../src/books/import/import-file';
import { importPlan, type ImportPlan } from '../src/books/import/import-plan';
import { progressBar } from './progress-bar';
import { openDatabases, parseCommandLine, runScript, UsageError } from './run-script';

/** Exit codes: everything of the file is in the books, or some rows were refused. */
const [COMPLETE, SOME_REFUSED] = [0, 2];
const READ_CONNECTIONS = 2;

const HELP = `npm run import -- FILE --currency CODE [options]

Posts the rows of a CSV file as transactions. Its first line names the columns: date (YYYY-MM-DD),
account_id and amount are needed, transaction_id and kind are known, further ones become metadata.

  --currency CODE           of every amount
  --counter CLIENTID:TYPE   the account of the other side
  --against KIND=CLIENTID:TYPE
                            the same for rows of a kind; may be given several times
  --create-accounts         opens accounts that do not exist, with the first row that names them
  --account-type TYPE       of the rows' accounts; default: liability
  --account-prefix TEXT     of their client ids; default: the name and a colon
  --name NAME               begins the client ids of the transactions; default: import
  --sign debit|credit       what a positive amount does to the row's account; default: it raises
                            the balance (credit for a liability, debit for an asset)
  --status COLUMN=VALUE,…   posts the rows that have one of the values, and leaves the others out
  --currency-column COLUMN  refuses rows of other currencies
  --metadata COLUMN         is metadata, whatever its name seems to say; several times
  --encoding NAME           of the file's text; default: utf-8
  --dry-run                 says what would become of the rows, and keeps nothing
  --new                     makes a ledger where there is none

Exit codes: 0 everything is in the books, 2 some rows were refused, 1 anything else.
`;

const text = { type: 'string' } as const;
const texts = { type: 'string', multiple: true } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  ...{ name: text, currency: text, counter: text, against: texts, sign: text, status: text },
  ...{ 'account-type': text, 'account-prefix': text, 'create-accounts': flag },
  ...{ 'currency-column': text, metadata: texts, encoding: text },
  ...{ 'dry-run': flag, new: flag, help: flag },
};

runScript(async () => {
  const { values, positionals } = parseCommandLine({ options, allowPositionals: true });
  if (values.help) {
    process.stdout.write(HELP);
    return COMPLETE;
  }
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new UsageError('Give one file, and --help to see the options: npm run import -- FILE …');
  }
  const plan = importPlan({
    ...values,
    accountType: values['account-type'],
    accountPrefix: values['account-prefix'],
    createAccounts: values['create-accounts'],
    currencyColumn: values['currency-column'],
    dryRun: values['dry-run'],
  });
  // Before a ledger is opened, or made.
  const checked = await checkFile(file, plan);
  const result = await importInto(Config.load(), checked, values.new);
  process.stdout.write(`${summaryOf(result, plan)}\n`);
  return result.refused > 0 ? SOME_REFUSED : COMPLETE;
});

/** @param mayMake whether a ledger is made where there is none */
async function importInto(
  config: Config,
  checked: CheckedFile,
  mayMake: boolean,
): Promise<ImportReport> {
  const urls = await openDatabases(config, { mayMake });
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
  return importFile({
    checked,
    open,
    onRefused: ({ line, reason }) => progress.say(`Line ${line}: ${reason}`),
    onProgress: (done, lines) => progress.update(done, lines),
  }).finally(async () => {
    progress.stop();
    await open.close();
  });
}

function report(level: string) {
  return (details: object, message: string) => {
    const { err } = details as { err?: unknown };
    const reason = isError(err) ? `: ${err.message}` : '';
    process.stderr.write(`${level}: ${message}${reason}\n`);
  };
}

function summaryOf(report: ImportReport, { status, isDryRun }: ImportPlan): string {
  const { rows, posted, alreadyThere, notBooked, refused, rowsPerSecond } = report;
  const rate = rowsPerSecond.toLocaleString('en');
  return (
    `${rows} rows: ${posted} ${isDryRun ? 'would be posted' : 'posted'}, ` +
    `${alreadyThere} already there, ${status ? `${notBooked} not booked, ` : ''}` +
    `${refused} refused (${rate} rows/s).`
  );
}
