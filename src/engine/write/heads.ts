import type { QueryConfig } from 'pg';
import type { WriterConnection } from '../../database/writer-connection';
import { GENESIS, type Head } from '../define/event';
import { StateUnusable } from '../define/refusal';

/** The state is not what the log's history makes of it. Nothing heals that by itself. */
export class HeadsDiverge extends StateUnusable {
  override readonly name = 'HeadsDiverge';

  override get explanation(): string {
    return `The log and the state diverge. ${this.message}`;
  }
}

/** The state was built by other materializers than this program's. */
export class OtherMaterializers extends StateUnusable {
  override readonly name = 'OtherMaterializers';

  constructor() {
    super(
      'The state was built by another version of the materializers: ' +
        'run "npm run replay" to rebuild it',
    );
  }
}

interface HeadRow {
  position: number;
  hash: Buffer;
}

interface LogRow extends HeadRow {
  recorded_at: string;
}

/** A row without the head where the log is empty. */
type FoundLogRow = (LogRow | { position: null }) & { server_time: string };

interface StateRow extends HeadRow {
  server_time: string;
  materializers_version: string | null;
  rebuilds: number;
}

const logHead: QueryConfig = {
  name: 'log head',
  // The lower bound lets the planner leave out all partitions but the last ones.
  text: `select position, hash, recorded_at, clock_timestamp() as server_time
         from (select) one left join
           (select position, hash, recorded_at from event_log where position >= $1
            order by position desc limit 1) last on true`,
};
const stateHead: QueryConfig = {
  name: 'state head',
  text: `select position, hash, materializers_version, rebuilds, clock_timestamp() as server_time
         from event_log_state`,
};

/** Where the log ends, and when. */
export interface LogHead {
  readonly head: Head;
  /** When the last event was recorded, RFC 3339; empty where the log is. */
  readonly recordedAt: string;
  /** The server's time when it was asked. */
  readonly serverTime: string;
}

/**
 * Takes the log's lock and reads its head. Every other writer waits; readers and vacuum do not.
 * @param lastHead where the log ended when the caller last looked
 */
export async function lockLog(log: WriterConnection, lastHead: Head): Promise<LogHead> {
  const [locked, found] = log.together(() => [
    log.send('begin; lock table only event_log in exclusive mode'),
    log.send({ ...logHead, values: [Math.max(lastHead.position, 1)] }),
  ]);
  await locked;
  const end = logHeadOf((await found).rows[0] as FoundLogRow);
  // The log is shorter than this process remembers: it may have been restored.
  return end.head.position < lastHead.position ? readLogHead(log) : end;
}

/** The head of the log as it is, without a lock. */
export async function readLogHead(log: WriterConnection): Promise<LogHead> {
  const { rows } = await log.send({ ...logHead, values: [1] });
  return logHeadOf(rows[0] as FoundLogRow);
}

function logHeadOf(row: FoundLogRow): LogHead {
  const { server_time: serverTime } = row;
  if (row.position === null) return { head: GENESIS, recordedAt: '', serverTime };
  return { head: headOf(row), recordedAt: row.recorded_at, serverTime };
}

/** What the state says of itself. */
export interface StateHead {
  readonly head: Head;
  readonly materializersVersion: string | null;
  /** How often it was rebuilt: rows that were read before a rebuild may be others now. */
  readonly rebuilds: number;
  /** The server's time when it was asked. */
  readonly serverTime: string;
}

/** Takes the state's lock, always after the log's, and reads what the state contains. */
export async function lockState(state: WriterConnection): Promise<StateHead> {
  const [locked, found] = state.together(() => [
    state.send('begin; lock table event_log_state in exclusive mode'),
    state.send(stateHead),
  ]);
  await locked;
  const row = (await found).rows[0] as StateRow | undefined;
  if (!row) throw new HeadsDiverge('The state does not say up to where it was built');
  return stateHeadOf(row);
}

/** What the state says of itself, in the connection's own snapshot; if nothing, as an empty one. */
export async function readStateHead(state: WriterConnection): Promise<StateHead> {
  const { rows } = await state.send(stateHead);
  if (rows.length > 0) return stateHeadOf(rows[0] as StateRow);
  return { head: GENESIS, materializersVersion: null, rebuilds: 0, serverTime: '' };
}

function stateHeadOf(row: StateRow): StateHead {
  const { rebuilds, materializers_version: materializersVersion, server_time: serverTime } = row;
  return { head: headOf(row), materializersVersion, rebuilds, serverTime };
}

/** Records what the state contains, in the state's transaction; sent without waiting. */
export function sendStateHead(
  state: WriterConnection,
  head: Head,
  materializersVersion: string,
): Promise<unknown> {
  return state.send({
    name: 'set state head',
    text: 'update event_log_state set position = $1, hash = $2, materializers_version = $3',
    values: [head.position, Buffer.from(head.hash, 'hex'), materializersVersion],
  });
}

/** The hash of the event at a position; undefined where the log has none. */
export async function hashAt(log: WriterConnection, position: number): Promise<string | undefined> {
  if (position === 0) return GENESIS.hash;
  const { rows } = await log.send({
    text: 'select hash from event_log where position = $1',
    values: [position],
  });
  return (rows[0] as HeadRow | undefined)?.hash.toString('hex');
}

function headOf(row: HeadRow): Head {
  return { position: row.position, hash: row.hash.toString('hex') };
}
