import { Config } from '../src/config';
import { migrate } from '../src/database/migrator';
import { Registry } from '../src/engine/define/registry';
import { features } from '../src/features';
import { replay } from '../src/proof/replay/replay';
import { swapBack } from '../src/proof/replay/swap';
import { recordedRun } from './recorded-run';
import { openDatabases, parseCommandLine, runScript, UsageError } from './run-script';
import { EXIT, replaySummary } from './run-summary';

runScript(async () => {
  const { values } = parseCommandLine({
    options: {
      json: { type: 'boolean', default: false },
      'accept-differences': { type: 'string' },
      'swap-back': { type: 'boolean', default: false },
    },
  });
  const reason = values['accept-differences'];
  if (reason?.trim() === '') throw new UsageError('--accept-differences needs a reason');
  const config = Config.load();
  const urls = await openDatabases(config);
  await migrate(urls);
  if (values['swap-back']) {
    const { position } = await swapBack(urls);
    const done = `The state of before the last replay is in place again, at position ${position}.`;
    process.stdout.write(`${values.json ? JSON.stringify({ position }) : done}\n`);
    return EXIT.done;
  }
  const registry = new Registry(features);
  const request = { kind: 'replay', acceptReason: reason } as const;
  const report = await recordedRun(urls, config, request, ({ signal, onProgress }) =>
    replay({ urls, registry, acceptDifferences: reason, signal, onProgress }),
  );
  process.stdout.write(`${values.json ? JSON.stringify(report) : replaySummary(report)}\n`);
  if (report.doom) return EXIT.doom;
  if (report.status === 'differs') return EXIT.differs;
  return report.status === 'swapped' ? EXIT.done : EXIT.other;
});
