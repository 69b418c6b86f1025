import { sameHead } from '../../engine/define/event';
import { liveHead, LiveSnapshot } from './live-snapshot';
import { findMissingGuards, stateBehind } from './log-findings';
import { Rebuild, type RebuildOptions } from './rebuild';
import type { LogFinding, VerificationReport } from './report';
import { RunRecord } from './run-record';

export interface VerifyOptions extends RebuildOptions {
  /** Up to where the log is rebuilt and compared; default what the live state contains. */
  readonly toPosition?: number | undefined;
  /** What else is known to be wrong with the log, by checkpoints for example. */
  readonly findings?: readonly LogFinding[] | undefined;
}

/**
 * Rebuilds the state from the log beside the live one, walks the hash chain, compares what every
 * event asks for with the recorded tasks and every table with the live one as it was at one
 * moment, computes seals again, and keeps nothing. Readers and writers go on meanwhile.
 * @throws RunInProgress, and what the connections throw; everything that is wrong with the books
 *   stands in the report
 */
export async function verify(options: VerifyOptions): Promise<VerificationReport> {
  const rebuild = await Rebuild.open({ ...options, isThrownAway: true });
  const record = new RunRecord(options, rebuild);
  record.log.push(...(options.findings ?? []));
  try {
    await compareAt(options, rebuild, record);
    await record.checkSeals();
    return verdict(record);
  } catch (error) {
    if (options.signal?.aborted) return { status: 'aborted', ...record.report() };
    await record.take(error);
    return verdict(record);
  } finally {
    rebuild.close();
  }
}

async function compareAt(
  options: VerifyOptions,
  rebuild: Rebuild,
  record: RunRecord,
): Promise<void> {
  const live = await LiveSnapshot.open(options.urls.state);
  try {
    await record.begin(live.is);
    const { logHead } = record.ranOn!;
    record.log.push(...(await findMissingGuards(rebuild.log, options.urls.log, logHead)));
    const end = Math.min(options.toPosition ?? logHead.position, logHead.position);
    // What the state does not have yet, because it is behind, cannot be compared.
    record.toPosition = Math.min(end, live.head.position);
    const isPast = end < Math.min(live.head.position, logHead.position);
    const span = { after: 0, upTo: isPast ? end : Number.MAX_SAFE_INTEGER };
    await record.digestLive(live, span);
    await rebuild.to({ ...logHead, position: record.toPosition });
    // Without indexes: rows that are equal to the live ones satisfy the live tables' constraints.
    await record.compare(live, span);
    await record.trace();
    if (end <= live.head.position) return;
    // It is materialized all the same, and may hold a surprise.
    await rebuild.to({ ...logHead, position: end });
    await rebuild.finish();
    record.toPosition = end;
    const now = await liveHead(rebuild.db);
    if (sameHead(now, live.head) && !record.isLogWrong) {
      record.log.push(stateBehind(now, logHead));
    }
  } finally {
    live.close();
  }
}

function verdict(record: RunRecord): VerificationReport {
  record.checkAmendments();
  const report = record.report();
  const isGood =
    record.log.length === 0 &&
    report.doom === null &&
    !record.isDifferent &&
    report.tasks.firstDifference === null;
  return { status: isGood ? 'passed' : 'failed', ...report };
}
