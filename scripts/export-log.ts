import { Config } from '../src/config';
import { migrate } from '../src/database/migrator';
import { exportLog, type ExportReport } from '../src/proof/transfer/export-log';
import { progressBar } from './progress-bar';
import { openDatabases, parseCommandLine, runScript, UsageError } from './run-script';

const STDOUT = '-';
const DONE = 0;

runScript(async () => {
  const options = { json: { type: 'boolean', default: false } } as const;
  const { values, positionals } = parseCommandLine({ options, allowPositionals: true });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new UsageError('Give one file: npm run export-log -- FILE (or "-")');
  }
  const urls = await openDatabases(Config.load());
  await migrate(urls);
  const isPiped = file === STDOUT;
  const progress = progressBar('events');
  const report = await exportLog({
    url: urls.log,
    to: isPiped ? process.stdout : file,
    onProgress: (position, head) => progress.update(position, head),
  }).finally(() => progress.stop());
  // Where the log itself goes to standard output, the report must not.
  const out = isPiped ? process.stderr : process.stdout;
  out.write(`${values.json ? JSON.stringify(report) : summaryOf(report)}\n`);
  return DONE;
});

function summaryOf({ head, rows, eventsPerSecond }: ExportReport): string {
  const { command_log: commands = 0, task_log: tasks = 0 } = rows;
  const rate = eventsPerSecond.toLocaleString('en');
  return (
    `Exported the log up to position ${head.position} (${head.hash}), with ${commands} commands ` +
    `and ${tasks} tasks, ${rate} events/s.`
  );
}
