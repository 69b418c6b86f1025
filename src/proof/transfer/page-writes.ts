import { given, rowsOf } from '../../database/arrays';
import { roleOf, ROLES, type Role } from '../../database/connections';
import { CopyIn } from '../../database/copy-in';
import { sendable } from '../../database/prepared';
import type { WriterConnection } from '../../database/writer-connection';
import { copyTarget } from '../../engine/define/state-table';
import { addEventTypes, type LogDatabase } from '../../engine/write/event-log';
import type { TaskDatabase } from '../../outside/tasks/task-database';
import { lineOf } from './copy-text';
import type { Dispatched } from './log-file';
import type { FilePage, FileRow } from './log-file-reader';
import { BACKUPS, EVENTS, fieldOf, FOLLOWING, type MovedTable } from './moved-tables';

const eventPosition = fieldOf(EVENTS, 'position');
const eventType = fieldOf(EVENTS, 'type');
const eventVersion = fieldOf(EVENTS, 'version');
const eventData = fieldOf(EVENTS, 'data');
const backupPosition = fieldOf(BACKUPS, 'position');

/** Behind every task of a position. */
const LAST_ORDINAL = 2 ** 31 - 1;

/**
 * Sends what a page has and the log lacks, without waiting; the caller holds the log's lock.
 * @param url of the log
 * @param known where the log ends: the events up to there are there already
 * @returns the answers to come
 */
export function sendPage(
  log: WriterConnection,
  url: string,
  page: FilePage,
  known: number,
  dispatched: readonly Dispatched[],
): Promise<unknown>[] {
  const events = page.rows.get(EVENTS)!.slice(Math.max(0, known - page.after));
  const as = (role: Role, write: () => Promise<unknown>[]) => asRole(log, url, role, write);
  return log.together(() => [
    ...copy(log, EVENTS, events),
    ...sendTypes(log, events),
    ...FOLLOWING.flatMap((table) =>
      as(table.role, () => {
        const rows = page.rows.get(table)!.map((row) => imported(table, row));
        // What goes with an event was committed with it. What only follows a position may have come
        // to an earlier import already, or after an earlier export, also where a page begins.
        const positionOf = fieldOf(table, table.position);
        const [there, lacking] = divided(rows, ({ fields }) => Number(positionOf(fields)) <= known);
        return [...merge(log, table, there), ...copy(log, table, lacking)];
      }),
    ),
    ...as(BACKUPS.role, () => sendAmended(log, page, known)),
    ...as(ROLES.taskWorker, () => sendDispatched(log, dispatched, page.upTo)),
  ]);
}

function divided<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

function imported({ onImport }: MovedTable, row: FileRow): FileRow {
  const fields = onImport?.(row.fields) ?? row.fields;
  return fields === row.fields ? row : { fields, line: lineOf(fields) };
}

/** Each table is written by the role that the service writes it with. */
function asRole(
  log: WriterConnection,
  url: string,
  role: Role,
  write: () => Promise<unknown>[],
): Promise<unknown>[] {
  if (role === ROLES.logWriter) return write();
  const become = (one: Role) => log.send(`set local role ${roleOf(url, one)}`);
  const taken = become(role);
  return [taken, ...write(), become(ROLES.logWriter)];
}

/** Adds rows that are not there: the lines go to the server as they stand in the file. */
function copy(log: WriterConnection, table: MovedTable, rows: readonly FileRow[]) {
  if (rows.length === 0) return [];
  const lines = Buffer.from(rows.map(({ line }) => `${line}\n`).join(''));
  const client = log.current;
  const copied = new Promise<void>((done, fail) => {
    const statement = `copy ${copyTarget(table)} from stdin`;
    client.query(new CopyIn(statement, lines, (error) => (error ? fail(error) : done())));
  });
  copied.catch(() => undefined);
  return [copied];
}

/**
 * Adds the rows that are not there.
 * SQL as text: which table and columns it is about is known to the table's definition alone.
 */
function merge(log: WriterConnection, table: MovedTable, rows: readonly FileRow[]) {
  if (rows.length === 0) return [];
  const { name, columns, key, replacedWhere } = table;
  const names = Object.keys(columns);
  const parameters = Object.values(columns).map(({ type }, i) => `$${i + 1}::${type}[]`);
  const set = names.map((column) => `${column} = excluded.${column}`).join(', ');
  const conflict = replacedWhere ? `do update set ${set} where ${replacedWhere}` : 'do nothing';
  const text =
    `insert into ${name} as there (${names.join(', ')}) ` +
    `select * from unnest(${parameters.join(', ')}) on conflict (${key.join(', ')}) ${conflict}`;
  const values = names.map((_, i) => rows.map(({ fields }) => fields[i]!));
  return [log.send({ text, values })];
}

/** The start-up check reads which types and versions there are. */
function sendTypes(log: WriterConnection, events: readonly FileRow[]) {
  const found = new Map<string, [string, number]>();
  for (const { fields } of events) {
    const type = eventType(fields)!;
    const version = Number(eventVersion(fields));
    found.set(`${version} ${type}`, [type, version]);
  }
  const pairs = [...found.values()];
  const added = { types: pairs.map(([type]) => type), versions: pairs.map(([, v]) => v) };
  return [log.send(addEventTypes(added))];
}

interface AmendedEvents {
  readonly positions: readonly number[];
  readonly versions: readonly number[];
  readonly contents: readonly string[];
}

const amendEvents = sendable<LogDatabase, AmendedEvents, object>(
  undefined,
  (log, { positions, versions, contents }) =>
    log
      .updateTable('event_log as e')
      .from(
        rowsOf('v', {
          position: given('bigint', positions),
          version: given('int', versions),
          data: given('json', contents),
        }),
      )
      .set((eb) => ({ version: eb.ref('v.version'), data: eb.ref('v.data') }))
      .whereRef('e.position', '=', 'v.position')
      .where((eb) =>
        eb(
          eb.tuple(eb.ref('e.version'), eb.cast<string>('e.data', 'text')),
          'is distinct from',
          eb.tuple(eb.ref('v.version'), eb.cast<string>('v.data', 'text')),
        ),
      ),
);

/**
 * Brings events that are there already to what they were amended to since: the log takes that only
 * together with the backup of what they were, which this transaction has written.
 */
function sendAmended(log: WriterConnection, page: FilePage, known: number) {
  const amended = new Set(page.rows.get(BACKUPS)!.map(({ fields }) => backupPosition(fields)));
  if (amended.size === 0 || known <= page.after) return [];
  const rows = page.rows
    .get(EVENTS)!
    .slice(0, known - page.after)
    .filter(({ fields }) => amended.has(eventPosition(fields)));
  const events = {
    positions: rows.map(({ fields }) => Number(eventPosition(fields))),
    versions: rows.map(({ fields }) => Number(eventVersion(fields))),
    contents: rows.map(({ fields }) => eventData(fields)!),
  };
  return [log.send(amendEvents(events))];
}

interface DispatchPlaces {
  readonly names: readonly string[];
  readonly positions: readonly number[];
  readonly ordinals: readonly number[];
}

const advanceDispatch = sendable<TaskDatabase, DispatchPlaces, object>(
  undefined,
  (log, { names, positions, ordinals }) =>
    log
      .insertInto('task_dispatch')
      .columns(['name', 'position', 'ordinal'])
      .expression((eb) =>
        eb
          .selectFrom(
            rowsOf('v', {
              name: given('text', names),
              position: given('bigint', positions),
              ordinal: given('int', ordinals),
            }),
          )
          .select(['v.name', 'v.position', 'v.ordinal']),
      )
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet((eb) => ({
            position: eb.ref('excluded.position'),
            ordinal: eb.ref('excluded.ordinal'),
          }))
          .where((eb) =>
            eb(
              eb.refTuple('task_dispatch.position', 'task_dispatch.ordinal'),
              '<',
              eb.refTuple('excluded.position', 'excluded.ordinal'),
            ),
          ),
      ),
);

/** Every task before these places has its delivery in this page or one before. */
function sendDispatched(log: WriterConnection, dispatched: readonly Dispatched[], upTo: number) {
  const places = dispatched.map((d) =>
    d.position <= upTo ? d : { ...d, position: upTo, ordinal: LAST_ORDINAL },
  );
  const reached = {
    names: places.map((d) => d.name),
    positions: places.map((d) => d.position),
    ordinals: places.map((d) => d.ordinal),
  };
  return [log.send(advanceDispatch(reached))];
}
