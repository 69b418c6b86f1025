import { Config } from '../src/config';
import { migrate } from '../src/database/migrator';
import { checkLogFile, importLog, type ImportReport } from '../src/proof/transfer/import-log';
import { progressBar } from './progress-bar';
import { openDatabases, parseCommandLine, runScript, UsageError } from './run-script';

const STDIN = '-';
/** Exit codes; 1 is everything else that can go wrong. */
const [IMPORTED, CHAIN_BROKEN] = [0, 5];

runScript(async () => {
  const flag = { type: 'boolean', default: false } as const;
  const options = { json: flag, new: flag };
  const { values, positionals } = parseCommandLine({ options, allowPositionals: true });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new UsageError('Give one file: npm run import-log -- FILE (or "-")');
  }
  if (file !== STDIN) await checkLogFile(file);
  const urls = await openDatabases(Config.load(), { mayMake: values.new });
  await migrate(urls);
  const progress = progressBar('events');
  const report = await importLog({
    url: urls.log,
    from: file === STDIN ? process.stdin : file,
    onProgress: (position, head) => progress.update(position, head),
  }).finally(() => progress.stop());
  process.stdout.write(`${values.json ? JSON.stringify(report) : summaryOf(report)}\n`);
  return report.chain.ok ? IMPORTED : CHAIN_BROKEN;
});

function summaryOf({ chain, fromPosition, head, eventsPerSecond }: ImportReport): string {
  const stands = `The log stands at position ${head.position} (${head.hash})`;
  if (!chain.ok) {
    return `The file's hash chain is broken at position ${chain.brokenAt}. ${stands}.`;
  }
  const added = head.position - fromPosition;
  if (added === 0) return `There was no event to add. ${stands}.`;
  const rate = eventsPerSecond.toLocaleString('en');
  return (
    `Imported ${added} events, ${rate} events/s. ${stands}. The state does not have them yet: ` +
    'npm start catches up before it serves; for a long log npm run replay is faster.'
  );
}
