import type { BooksReport } from '../src/proof/runs/verify-books';
import type { ReplayReport, RunReport } from '../src/proof/replay/report';

/** Exit codes of `npm run verify` and `npm run replay`. */
export const EXIT = { done: 0, other: 1, differs: 3, doom: 4, chainBroken: 5 } as const;

/** A verification's verdict as an exit code: what is wrong with the log comes first. */
export function exitCodeOf(report: BooksReport): number {
  if (report.status === 'passed') return EXIT.done;
  if (report.status === 'aborted') return EXIT.other;
  if (!report.chain.ok) return EXIT.chainBroken;
  return report.doom ? EXIT.doom : EXIT.differs;
}

/** A verification in one line. */
export function verificationSummary(report: BooksReport): string {
  const { status, toPosition, tables, tasks, checkpoints } = report;
  const scope = `${count(toPosition, 'event')}, ${rateOf(report)}`;
  if (status === 'passed') {
    const rows = tables.reduce((sum, table) => sum + table.liveRows, 0);
    const signed = checkpoints ? `, ${count(checkpoints.agreed, 'checkpoint')} agreed` : '';
    const same = `${count(tables.length, 'table')} with ${count(rows, 'row')} equal`;
    const matched = `${count(tasks.matched, 'task')} matched`;
    return `Passed: ${scope}; chain intact, ${same}, ${matched}${signed}.`;
  }
  if (status === 'aborted') return `Aborted after ${scope}.`;
  return `FAILED: ${[...troublesOf(report), ...doubtsOf(checkpoints)].join('; ')} (${scope}).`;
}

/** A replay in one line. */
export function replaySummary(report: ReplayReport): string {
  const { status, processed, toPosition, accepted, swapMs } = report;
  const kept = 'The state is as it was before.';
  if (status === 'failed') return `FAILED: ${troublesOf(report).join('; ')}. ${kept}`;
  if (status === 'aborted') return `Aborted after ${processed} events. ${kept}`;
  if (status === 'differs') {
    const how = 'npm run replay -- --accept-differences "reason"';
    return `DIFFERS: ${troublesOf(report).join('; ')}. ${kept} To accept it: ${how}`;
  }
  const done = `Rebuilt the state from ${processed} events up to position ${toPosition}`;
  const tasks = `Tasks: ${tasksOf(report)}`;
  const why = accepted === null ? '' : ` Differences were accepted (${accepted}):`;
  const what = accepted === null ? '' : ` ${troublesOf(report).join('; ')}.`;
  return `${done}, ${rateOf(report)}; writers waited ${swapMs} ms. ${tasks}.${why}${what}`;
}

/** Everything that is wrong, worst first. */
function troublesOf(report: RunReport): string[] {
  const { log, doom, tables, tasks } = report;
  const troubles = log.map(({ kind, detail }) => `${kind.replaceAll('_', ' ')}: ${detail}`);
  if (doom) {
    const { position, type, eventId, error } = doom;
    troubles.push(`event ${position} (${type}, ${eventId}) cannot be materialized: ${error}`);
  }
  for (const { table, missing, extra, changed, firstDivergingPosition: first } of tables) {
    if (missing + extra + changed === 0) continue;
    const rows = `${missing} rows missing, ${extra} extra, ${changed} changed`;
    troubles.push(`${table}: ${rows}, from position ${first} on`);
  }
  if (tasks.firstDifference !== null) troubles.push(`tasks: ${tasksOf(report)}`);
  return troubles;
}

function doubtsOf(checkpoints: BooksReport['checkpoints']): string[] {
  const [first] = checkpoints?.problems ?? [];
  return first ? [`checkpoint ${first.name}: ${first.problem}`] : [];
}

function tasksOf({ tasks }: RunReport): string {
  const { matched, missing, extra, firstDifference } = tasks;
  const from = firstDifference === null ? '' : `, from position ${firstDifference} on`;
  return `${matched} matched, ${missing} missing, ${extra} extra${from}`;
}

function rateOf({ eventsPerSecond }: RunReport): string {
  return `${eventsPerSecond.toLocaleString('en')} events/s`;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}
