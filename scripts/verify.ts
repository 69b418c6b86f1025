import { verifyBooks } from '../src/proof/runs/verify-books';
import { Config } from '../src/config';
import { openPool, ROLES, type DatabaseUrls } from '../src/database/connections';
import { migrate } from '../src/database/migrator';
import type { LogDatabase } from '../src/engine/write/event-log';
import { Registry } from '../src/engine/define/registry';
import { features } from '../src/features';
import { againstExitCode, againstSummary, verifyAgainst } from './against';
import { progressBar } from './progress-bar';
import { recordedRun } from './recorded-run';
import {
  embeddedAdminUrl,
  interruption,
  openDatabases,
  parseCommandLine,
  runScript,
  UsageError,
} from './run-script';
import { exitCodeOf, verificationSummary } from './run-summary';

runScript(async () => {
  const { values } = parseCommandLine({
    options: {
      json: { type: 'boolean', default: false },
      checkpoints: { type: 'string' },
      to: { type: 'string' },
      against: { type: 'string' },
      log: { type: 'string' },
    },
  });
  const toPosition = positionOf(values.to);
  const config = Config.load();
  const urls = await openDatabases(config);
  if (values.against !== undefined) return checkAgainst(values.against, values, urls);
  if (values.log !== undefined) throw new UsageError('--log belongs to --against');
  await migrate(urls);
  const logReader = openPool<LogDatabase>(
    urls.log,
    ROLES.logReader,
    config.engine,
    1,
    () => undefined,
  );
  const options = {
    ...{ urls, registry: new Registry(features), toPosition, logReader },
    ...{ config: config.checkpoints, directory: values.checkpoints },
  };
  const report = await recordedRun(urls, config, { kind: 'verification', toPosition }, (run) =>
    verifyBooks({ ...options, signal: run.signal, onProgress: run.onProgress }),
  ).finally(() => logReader.destroy());
  process.stdout.write(`${values.json ? JSON.stringify(report) : verificationSummary(report)}\n`);
  return exitCodeOf(report);
});

/** The check for pull requests: what this code would make of a history. */
async function checkAgainst(
  dirOrRef: string,
  { log, json }: { log?: string | undefined; json: boolean },
  urls: DatabaseUrls,
): Promise<number> {
  const progress = progressBar('events');
  const report = await verifyAgainst({
    ...{ dirOrRef, logFile: log, urls, progress },
    ...{ adminUrl: await embeddedAdminUrl(), signal: interruption() },
  }).finally(() => progress.stop());
  process.stdout.write(`${json ? JSON.stringify(report) : againstSummary(report)}\n`);
  return againstExitCode(report);
}

function positionOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--to must be a position, not "${text}"`);
}
