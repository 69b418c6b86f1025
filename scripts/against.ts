import { existsSync } from 'node:fs';
import type { DatabaseUrls } from '../src/database/connections';
import { migrate, migrateState } from '../src/database/migrator';
import { ScratchDatabases } from '../src/database/scratch-databases';
import { Registry } from '../src/engine/define/registry';
import { features } from '../src/features';
import { compareStates, type StatesReport } from '../src/proof/replay/compare-states';
import { differs } from '../src/proof/replay/comparison';
import { rebuildInto, type MadeOfLog } from '../src/proof/replay/rebuild-into';
import { importLog } from '../src/proof/transfer/import-log';
import { OtherRelease } from './other-release';
import type { Progress } from './progress-bar';
import { UsageError } from './run-script';
import { EXIT } from './run-summary';

/** What this program's code would make of a history that released code has written. */
export interface AgainstReport extends StatesReport {
  readonly against: string;
  readonly released: MadeOfLog;
  readonly own: MadeOfLog;
}

export interface AgainstOptions {
  /** A folder with the released code, or a commit of this repository. */
  readonly dirOrRef: string;
  /** A file that `export-log` wrote; undefined: the live log, which is only read. */
  readonly logFile: string | undefined;
  readonly urls: DatabaseUrls;
  /** A URL under which databases may be made on the state's server. */
  readonly adminUrl: string | undefined;
  readonly progress: Progress;
  /** Ends it early with the signal's reason; what was made for it goes all the same. */
  readonly signal: AbortSignal;
}

/**
 * Builds the state of a log twice, by the released code and by this one, each in a database that
 * is dropped afterwards, and compares them. The live state is not touched.
 */
export async function verifyAgainst(options: AgainstOptions): Promise<AgainstReport> {
  const { dirOrRef, logFile, urls, adminUrl, progress, signal } = options;
  if (logFile !== undefined && !existsSync(logFile)) {
    throw new UsageError(`There is no file ${logFile}`);
  }
  const release = await OtherRelease.open(dirOrRef, signal);
  const scratch = new ScratchDatabases(urls.state, adminUrl);
  try {
    const log = logFile === undefined ? urls.log : await openExport(logFile, scratch, options);
    const own = { log, state: await scratch.create('own') };
    const released = { log, state: await scratch.create('released') };
    const registry = new Registry(features);
    await migrateState(own.state);
    const making = rebuildInto({
      ...{ urls: own, registry },
      onProgress: (position, head) => progress.update(position, head),
    });
    const ours = await unlessAborted(signal, making);
    const theirs = await release.rebuild(released, ours.toPosition);
    const isComplete = [ours, theirs].every((made) => made.doom === null && made.brokenAt === null);
    const states = isComplete
      ? await unlessAborted(signal, compareStates(released.state, own.state, registry.tables))
      : { tables: [], added: [], removed: [] };
    return { against: dirOrRef, ...states, released: theirs, own: ours };
  } finally {
    await scratch.drop();
    await release.remove();
  }
}

/** A log database with what a file has. */
async function openExport(
  file: string,
  scratch: ScratchDatabases,
  { progress, signal }: AgainstOptions,
): Promise<string> {
  const urls = { log: await scratch.create('log'), state: await scratch.create('state') };
  await migrate(urls);
  const importing = importLog({
    ...{ url: urls.log, from: file },
    onProgress: (position, head) => progress.update(position, head),
  });
  await unlessAborted(signal, importing);
  return urls.log;
}

/**
 * Does not wait for the end of what is under way where it is aborted: that fails as soon as its
 * databases are dropped. @throws the signal's reason
 */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, fail) => {
    const stop = () => fail(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([work, aborted]);
}

/** As `npm run verify`: nothing differs, rows or tasks differ, an event of doom, a broken chain. */
export function againstExitCode(report: AgainstReport): number {
  const { own, released } = report;
  if (own.brokenAt !== null || released.brokenAt !== null) return EXIT.chainBroken;
  if (own.doom || released.doom) return EXIT.doom;
  return isSame(report) ? EXIT.done : EXIT.differs;
}

/** The difference in rows and tasks, a line each. */
export function againstSummary(report: AgainstReport): string {
  const { against, own, released, tables, added, removed } = report;
  if (own.brokenAt !== null) return `The hash chain is broken at position ${own.brokenAt}.`;
  for (const [who, { doom }] of [
    ['This code', own],
    [against, released],
  ] as const) {
    if (!doom) continue;
    const { position, type, error } = doom;
    return `${who} cannot materialize event ${position} (${type}): ${error}.`;
  }
  const scope = `${own.toPosition} events, ${against} against this code`;
  if (isSame(report)) return `The same state and the same tasks: ${scope}.`;
  const lines = tables.filter(differs).map((table) => {
    const { missing, extra, changed, firstDivergingPosition: first } = table;
    // Seen from the released state: what it lacks is what this code adds.
    const rows = `${missing} rows more, ${extra} fewer, ${changed} changed`;
    return `  ${table.table}: ${rows}, from position ${first} on`;
  });
  for (const name of added) lines.push(`  ${name}: only in this code`);
  for (const name of removed) lines.push(`  ${name}: only in ${against}`);
  if (!isSameTasks(report)) lines.push(`  tasks: ${tasksOf(released)}; now ${tasksOf(own)}`);
  return `DIFFERS: ${scope}.\n${lines.join('\n')}`;
}

function isSame(report: AgainstReport): boolean {
  const { tables, added, removed } = report;
  const isSameShape = added.length === 0 && removed.length === 0;
  return isSameShape && !tables.some(differs) && isSameTasks(report);
}

function isSameTasks({ own, released }: AgainstReport): boolean {
  const key = ({ tasks }: MadeOfLog) => JSON.stringify(tasks);
  return key(own) === key(released);
}

function tasksOf({ tasks: { matched, missing, extra, firstDifference } }: MadeOfLog): string {
  const from = firstDifference === null ? '' : ` from position ${firstDifference} on`;
  return `${matched} as recorded, ${missing} missing, ${extra} extra${from}`;
}
