import { kyselyOn } from '../../database/connections';
import { missingGuards } from '../../database/log-guards';
import type { WriterConnection } from '../../database/writer-connection';
import type { Head } from '../../engine/define/event';
import type { LogDatabase } from '../../engine/write/event-log';
import { hashAt, readLogHead } from '../../engine/write/heads';
import type { LogFinding } from './report';

/** The newest commands that are looked at; their ids are in the order of time. */
const NEWEST_COMMANDS = 1_000;

/**
 * What heads and commands say about the log without reading its events: whether its end is gone,
 * whether it is older than the state, and whether it is another log than the state was built from.
 * @param state the live state's head, read before this
 */
export async function findLogProblems(
  log: WriterConnection,
  state: Head,
): Promise<{ logHead: Head; findings: LogFinding[] }> {
  // In this order: commands are recorded with their events, and more may be written meanwhile.
  const named = await lastNamedPosition(log);
  const { head: logHead } = await readLogHead(log);
  const findings: LogFinding[] = [];
  const end = logHead.position;
  if (named > end) {
    findings.push({
      kind: 'log_cut_short',
      position: end + 1,
      detail: `The log ends at position ${end}, and its commands name events up to ${named}`,
    });
  } else if (state.position > end) {
    findings.push({
      kind: 'log_restored',
      position: end + 1,
      detail:
        `The log ends at position ${end} and is whole; the state was built from a log up to ` +
        `${state.position}`,
    });
  }
  if (state.position <= end && (await hashAt(log, state.position)) !== state.hash) {
    findings.push({
      kind: 'log_rewritten',
      position: state.position,
      detail: `The state was built from another event ${state.position} than the log has`,
    });
  }
  return { logHead, findings };
}

/** What should keep the log as it was written, and is not in its place. */
export async function findMissingGuards(
  log: WriterConnection,
  url: string,
  { position }: Head,
): Promise<LogFinding[]> {
  const missing = await missingGuards(
    kyselyOn<LogDatabase>(() => log.current),
    url,
  );
  return missing.map((what) => ({
    kind: 'guard_missing',
    position,
    detail: `Nobody can say that the log was only appended to: ${what}`,
  }));
}

/** Says that the state lacks the end of the log and does not come closer to it. */
export function stateBehind(state: Head, logHead: Head): LogFinding {
  return {
    kind: 'state_behind',
    position: state.position + 1,
    detail:
      `The state is at position ${state.position} and the log at ${logHead.position}; the next ` +
      'write, or the next start, makes the state equal to the log',
  };
}

/** The last position that a command names; 0 where there is none. */
async function lastNamedPosition(log: WriterConnection): Promise<number> {
  const { position } = await kyselyOn<LogDatabase>(() => log.current)
    .selectFrom((eb) =>
      eb
        .selectFrom('command_log')
        .select('last_position')
        .where('outcome', '=', 'accepted')
        .orderBy('command_id', 'desc')
        .limit(NEWEST_COMMANDS)
        .as('newest'),
    )
    .select((eb) => eb.fn.max('last_position').as('position'))
    .executeTakeFirstOrThrow();
  return position ?? 0;
}
