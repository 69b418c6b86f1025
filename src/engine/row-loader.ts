import { sql, type Kysely } from 'kysely';
import type { LoadRows } from './session-table';

/** Loads rows by the values of a column, from the table or from the query that it names. */
export function loadRowsFrom(db: Kysely<unknown>): LoadRows {
  return async (table, column, values) => {
    const source = table.source ? sql.raw(`(${table.source})`) : sql.ref(table.name);
    const type = (table.columns as Record<string, string>)[column]!;
    const { rows } = await sql<object>`
      select * from ${source} as t
      where ${sql.ref(`t.${column}`)} = any(${[...values]}::${sql.raw(type)}[])`.execute(db);
    return rows;
  };
}
