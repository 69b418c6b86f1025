import { sendable } from '../../database/prepared';
import type { WriterConnection } from '../../database/writer-connection';
import { GENESIS, type Head } from '../define/event';
import { StateUnusable } from '../define/refusal';
import { stateHeadTable, type StateDatabase } from '../define/state-table';
import { eventLogTable, type LogDatabase } from './event-log';

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

/** A row without the head where the log is empty. */
interface LogRow {
  position: number | null;
  hash: Buffer | null;
  recorded_at: string | null;
  server_time: string;
}

interface StateRow extends HeadRow {
  materializers_version: string | null;
  rebuilds: number;
  server_time: string;
}

/** Writers exclude each other by these. ONLY leaves the partitions free for vacuum. */
export const LOCK_LOG = `lock table only ${eventLogTable.name} in exclusive mode`;
export const LOCK_STATE = `lock table ${stateHeadTable.name} in exclusive mode`;

/** The lower bound lets the planner leave out all partitions but the last ones. */
const logHead = sendable<LogDatabase, { least: number }, LogRow>('log head', (log, { least }) =>
  log
    .selectFrom(log.selectNoFrom([]).as('one'))
    .leftJoin(
      (eb) =>
        eb
          .selectFrom('event_log')
          .select(['position', 'hash', 'recorded_at'])
          .where('position', '>=', least)
          .orderBy('position', 'desc')
          .limit(eb.lit(1))
          .as('last'),
      (join) => join.onTrue(),
    )
    .select((eb) => [
      'last.position',
      'last.hash',
      'last.recorded_at',
      eb.fn<string>('clock_timestamp').as('server_time'),
    ]),
);

const stateHead = sendable<StateDatabase, object, StateRow>('state head', (state) =>
  state
    .selectFrom('event_log_state')
    .select((eb) => [
      'position',
      'hash',
      'materializers_version',
      'rebuilds',
      eb.fn<string>('clock_timestamp').as('server_time'),
    ]),
)({});

const setStateHead = sendable<StateDatabase, HeadRow & { version: string }, object>(
  'set state head',
  (state, { position, hash, version }) =>
    state.updateTable('event_log_state').set({ position, hash, materializers_version: version }),
);

const hashOf = sendable<LogDatabase, { position: number }, Pick<HeadRow, 'hash'>>(
  undefined,
  (log, { position }) =>
    log.selectFrom('event_log').select('hash').where('position', '=', position),
);

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
    log.send(`begin; ${LOCK_LOG}`),
    log.send(logHead({ least: Math.max(lastHead.position, 1) })),
  ]);
  await locked;
  const end = logHeadOf((await found).rows[0]!);
  // The log is shorter than this process remembers: it may have been restored.
  return end.head.position < lastHead.position ? readLogHead(log) : end;
}

/** The head of the log as it is, without a lock. */
export async function readLogHead(log: WriterConnection): Promise<LogHead> {
  const { rows } = await log.send(logHead({ least: 1 }));
  return logHeadOf(rows[0]!);
}

function logHeadOf({ position, hash, recorded_at, server_time: serverTime }: LogRow): LogHead {
  if (position === null) return { head: GENESIS, recordedAt: '', serverTime };
  return { head: headOf({ position, hash: hash! }), recordedAt: recorded_at!, serverTime };
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
    state.send(`begin; ${LOCK_STATE}`),
    state.send(stateHead),
  ]);
  await locked;
  const row = (await found).rows[0];
  if (!row) throw new HeadsDiverge('The state does not say up to where it was built');
  return stateHeadOf(row);
}

/** What the state says of itself, in the connection's own snapshot; if nothing, as an empty one. */
export async function readStateHead(state: WriterConnection): Promise<StateHead> {
  const { rows } = await state.send(stateHead);
  if (rows.length > 0) return stateHeadOf(rows[0]!);
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
  const { position, hash } = head;
  return state.send(
    setStateHead({ position, hash: Buffer.from(hash, 'hex'), version: materializersVersion }),
  );
}

/** The hash of the event at a position; undefined where the log has none. */
export async function hashAt(log: WriterConnection, position: number): Promise<string | undefined> {
  if (position === 0) return GENESIS.hash;
  const { rows } = await log.send(hashOf({ position }));
  return rows[0]?.hash.toString('hex');
}

function headOf(row: HeadRow): Head {
  return { position: row.position, hash: row.hash.toString('hex') };
}
