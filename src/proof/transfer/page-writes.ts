import { ROLES, type Role } from '../../database/connections';
import { CopyIn } from '../../database/copy-in';
import type { WriterConnection } from '../../database/writer-connection';
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
 * @param known where the log ends: the events up to there are there already
 * @returns the answers to come
 */
export function sendPage(
  log: WriterConnection,
  page: FilePage,
  known: number,
  dispatched: readonly Dispatched[],
): Promise<unknown>[] {
  const events = page.rows.get(EVENTS)!.slice(Math.max(0, known - page.after));
  return log.together(() => [
    ...copy(log, EVENTS, events),
    ...sendTypes(log, events),
    ...FOLLOWING.flatMap((table) =>
      asRole(log, table.role, () => {
        const rows = page.rows.get(table)!.map((row) => imported(table, row));
        // What goes with an event was committed with it. What only follows a position may have come
        // to an earlier import already, or after an earlier export, also where a page begins.
        const positionOf = fieldOf(table, table.position);
        const [there, lacking] = divided(rows, ({ fields }) => Number(positionOf(fields)) <= known);
        return [...merge(log, table, there), ...copy(log, table, lacking)];
      }),
    ),
    ...asRole(log, BACKUPS.role, () => sendAmended(log, page, known)),
    ...asRole(log, ROLES.taskWorker, () => sendDispatched(log, dispatched, page.upTo)),
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
  role: Role,
  write: () => Promise<unknown>[],
): Promise<unknown>[] {
  if (role === ROLES.logWriter) return write();
  const taken = log.send(`set local role ${role}`);
  return [taken, ...write(), log.send(`set local role ${ROLES.logWriter}`)];
}

/** Adds rows that are not there: the lines go to the server as they stand in the file. */
function copy(log: WriterConnection, table: MovedTable, rows: readonly FileRow[]) {
  if (rows.length === 0) return [];
  const columns = Object.keys(table.columns).join(', ');
  const lines = Buffer.from(rows.map(({ line }) => `${line}\n`).join(''));
  const client = log.current;
  const copied = new Promise<void>((done, fail) => {
    const statement = `copy ${table.name} (${columns}) from stdin`;
    client.query(new CopyIn(statement, lines, (error) => (error ? fail(error) : done())));
  });
  copied.catch(() => undefined);
  return [copied];
}

/** Adds the rows that are not there. */
function merge(log: WriterConnection, table: MovedTable, rows: readonly FileRow[]) {
  if (rows.length === 0) return [];
  const { name, columns, key, replacedWhere } = table;
  const names = Object.keys(columns);
  const parameters = Object.values(columns).map(({ type }, i) => `$${i + 1}::${type}[]`);
  const set = names.map((column) => `${column} = excluded.${column}`).join(', ');
  const conflict = replacedWhere ? `do update set ${set} where ${replacedWhere}` : 'do nothing';
  const text =
    `insert into ${name} as there (${names.join(', ')}) ` +
    `select * from unnest(${parameters.join(', ')}) on conflict (${key}) ${conflict}`;
  const values = names.map((_, i) => rows.map(({ fields }) => fields[i]!));
  return [log.send({ text, values })];
}

/** The start-up check reads which types and versions there are. */
function sendTypes(log: WriterConnection, events: readonly FileRow[]) {
  const found = new Map<string, [string, string]>();
  for (const { fields } of events) {
    const type = eventType(fields)!;
    const version = eventVersion(fields)!;
    found.set(`${version} ${type}`, [type, version]);
  }
  const text =
    'insert into event_types (type, version) ' +
    'select * from unnest($1::text[], $2::int[]) on conflict do nothing';
  const pairs = [...found.values()];
  return [log.send({ text, values: [pairs.map(([type]) => type), pairs.map(([, v]) => v)] })];
}

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
  const text =
    'update event_log e set version = v.version, data = v.data ' +
    'from unnest($1::bigint[], $2::int[], $3::json[]) as v(position, version, data) ' +
    'where e.position = v.position ' +
    'and (e.version, e.data::text) is distinct from (v.version, v.data::text)';
  const columns = [eventPosition, eventVersion, eventData];
  return [log.send({ text, values: columns.map((of) => rows.map(({ fields }) => of(fields))) })];
}

/** Every task before these places has its delivery in this page or one before. */
function sendDispatched(log: WriterConnection, dispatched: readonly Dispatched[], upTo: number) {
  const text =
    'insert into task_dispatch as there (name, position, ordinal) ' +
    'select * from unnest($1::text[], $2::bigint[], $3::int[]) ' +
    'on conflict (name) do update set position = excluded.position, ordinal = excluded.ordinal ' +
    'where (there.position, there.ordinal) < (excluded.position, excluded.ordinal)';
  const places = dispatched.map((d) =>
    d.position <= upTo ? d : { ...d, position: upTo, ordinal: LAST_ORDINAL },
  );
  const values = [
    places.map((d) => d.name),
    places.map((d) => d.position),
    places.map((d) => d.ordinal),
  ];
  return [log.send({ text, values })];
}
