import type { WriterConnection } from '../../database/writer-connection';
import type { Head, LedgerEvent } from '../define/event';
import type { Registry } from '../define/registry';
import type { BufferedSession } from '../session/buffered-session';
import { lockState } from '../write/heads';
import type { Healing } from '../write/write-path';
import { catchUp, PageRefused } from './catch-up';
import { readAmendedTasks, refuseAmended } from './event-content';
import { ComparedTasks, type TaskReport } from './task-comparison';

/**
 * Heals the state from the log, by pages that are committed one by one.
 * @param onTasksDiffer told where events ask for other tasks than were recorded
 */
export function healingOf(
  registry: Registry,
  onTasksDiffer: (report: TaskReport) => void,
): Healing {
  return async (log, state, stateHead, logHead) => {
    const afterEvent = (_: BufferedSession, event: LedgerEvent) => refuseAmended(stateHead, event);
    const amended = await readAmendedTasks(log);
    const compared = new ComparedTasks(registry.taskNames, amended);
    const options = { commitPages: true, afterEvent, tasks: compared };
    try {
      await catchUp(registry, log, state, stateHead, logHead, options);
    } catch (error) {
      if (!(error instanceof PageRefused)) throw error;
      throw await findRefused(registry, log, state, error, logHead);
    }
    const tasks = compared.report();
    if (tasks.firstDifference !== null) onTasksDiffer(tasks);
  };
}

/**
 * Which event wrote the row that the state refused: the page is materialized again, event by
 * event, and not kept. The log stays locked, so that nobody else writes meanwhile.
 */
async function findRefused(
  registry: Registry,
  log: WriterConnection,
  state: WriterConnection,
  refused: PageRefused,
  to: Head,
): Promise<unknown> {
  await state.rollback();
  try {
    await lockState(state);
    await catchUp(registry, log, state, refused.before, to, { pageEvents: 1 });
    return refused;
  } catch (error) {
    return error;
  }
}
