import { readLogHead } from '../../engine/write/heads';
import type { TaskReport } from '../../engine/catch-up/task-comparison';
import { codeVersion } from './code-version';
import { liveHead } from './live-snapshot';
import { Rebuild, type RebuildOptions } from './rebuild';
import type { Doom } from './report';
import { RunRecord } from './run-record';
import { swapSchemas } from './swap';

/** What this program made of a log. */
export interface MadeOfLog {
  readonly toPosition: number;
  readonly codeVersion: string;
  readonly materializersVersion: string;
  readonly tasks: TaskReport;
  readonly doom: Doom | null;
  /** Position of the first event that is not the one that was hashed. */
  readonly brokenAt: number | null;
}

/**
 * Builds the state of a log in a state database that has been migrated and is empty otherwise.
 * Reads the log and takes no lock on it. Where an event cannot be materialized nothing is kept.
 * @param toPosition default the head of the log
 * @throws Error where the state database is not empty, and what the connections throw
 */
export async function rebuildInto(
  options: RebuildOptions & { readonly toPosition?: number | undefined },
): Promise<MadeOfLog> {
  const rebuild = await Rebuild.open(options);
  const record = new RunRecord(options, rebuild);
  try {
    if ((await liveHead(rebuild.db)).position > 0) {
      throw new Error('The state database is not empty; a state is built in a new one');
    }
    const { head } = await readLogHead(rebuild.log);
    record.toPosition = Math.min(options.toPosition ?? head.position, head.position);
    try {
      await rebuild.to({ ...head, position: record.toPosition });
      await rebuild.finish();
      await swapSchemas(rebuild.db);
      await rebuild.state.commit();
    } catch (error) {
      await record.take(error);
    }
    return {
      toPosition: record.toPosition,
      codeVersion: codeVersion(),
      materializersVersion: options.registry.materializersVersion,
      tasks: rebuild.tasks.report(),
      doom: record.doom,
      brokenAt: record.brokenAt,
    };
  } finally {
    rebuild.close();
  }
}
