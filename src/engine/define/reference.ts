import { sql, type CompiledQuery, type Kysely } from 'kysely';
import { prepared } from '../../database/prepared';
import type { Found, LoadedRows, RowNeeds, StateSession } from './state-session';
import type { KeyedTable, StateDatabase } from './state-table';

const CLIENT = 'client:';

/** What clients may call what they make, unique per kind of resource. */
export const CLIENT_ID_PATTERN = /^[A-Za-z0-9._:-]{1,64}$/;
/** An id that the ledger made, in any case. */
export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isClientId(text: string): boolean {
  return CLIENT_ID_PATTERN.test(text);
}

export function isUuid(text: string): boolean {
  return UUID_PATTERN.test(text);
}

/** Whether a text is an id or `client:<clientId>`. */
export function isReference(text: string): boolean {
  const clientId = clientIdOf(text);
  return clientId === undefined ? isUuid(text) : isClientId(clientId);
}

/** The client id in a `client:<clientId>` reference; undefined for a plain id. */
export function clientIdOf(reference: string): string | undefined {
  return reference.startsWith(CLIENT) ? reference.slice(CLIENT.length) : undefined;
}

/** Which unique column a reference names, and the value; undefined for what is no reference. */
export function referenceOf<Id extends string>(
  reference: string,
  idColumn: Id,
): { column: Id | 'client_id'; value: string } | undefined {
  const clientId = clientIdOf(reference);
  if (clientId !== undefined) return { column: 'client_id', value: clientId };
  return isUuid(reference) ? { column: idColumn, value: reference.toLowerCase() } : undefined;
}

/** A row of what clients may name by an id of theirs. */
interface Named {
  readonly client_id: string | null;
}

/** Names the row that a creator is going to read by a reference. */
export function needReferenced<Row extends Named>(
  needs: Pick<RowNeeds, 'row'>,
  table: KeyedTable<Row>,
  reference: string,
): void {
  const found = referenceOf(reference, table.key);
  if (found) needs.row(table, found.column, found.value);
}

/** The row that a reference names, in the session. */
export function findReferenced<Row extends Named>(
  state: StateSession,
  table: KeyedTable<Row>,
  reference: string,
): Found<Row> {
  const found = referenceOf(reference, table.key);
  if (!found) return undefined;
  const rows = state.table(table);
  return found.column === table.key ? rows.get(found.value) : rows.find('client_id', found.value);
}

/** The row that a reference names, of those that were loaded because a creator named them. */
export function loadedReferenced<Row extends Named>(
  loaded: LoadedRows,
  table: KeyedTable<Row>,
  reference: string,
): Row | undefined {
  const found = referenceOf(reference, table.key);
  return found && loaded.row(table, found.column, found.value);
}

/**
 * What reads the row that a reference names in the database: all of its columns, by an index.
 * SQL as text: the builder knows no table whose name is a value.
 */
export function readReferenced<Row extends Named>(
  table: KeyedTable<Row>,
): (db: Kysely<StateDatabase>, reference: string) => Promise<Row | undefined> {
  const readBy = (column: string) =>
    prepared<StateDatabase, { value: string }, Row>((db, { value }) => {
      const query = sql<Row>`
          select * from ${sql.table(table.name)} where ${sql.ref(column)} = ${value}`;
      return { compile: (): CompiledQuery<Row> => query.compile(db) };
    }, `${table.name} by ${column}`);
  const readers = new Map([table.key, 'client_id'].map((column) => [column, readBy(column)]));
  return async (db, reference) => {
    const found = referenceOf(reference, table.key);
    return found && (await readers.get(found.column)!(db, { value: found.value }))[0];
  };
}
