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

/** The state has lost what a session rests on, in a crash of its server; the next lock heals it. */
export class StateIsBehind extends Error {}

/**
 * Loads rows outside the locks, from a state that must have come to a position at least. The
 * check and the rows come over one connection: a crash of the server between the two cuts it.
 * @throws StateIsBehind
 */
export function loadRowsSince(db: Kysely<unknown>, leastPosition: () => number): LoadRows {
  return (table, column, values) =>
    db.connection().execute(async (one) => {
      const least = leastPosition();
      const { rows } = await sql<{ position: number }>`
        select position from event_log_state`.execute(one);
      const { position } = rows[0]!;
      if (position < least) throw new StateIsBehind(`at ${position}, and not yet at ${least}`);
      return loadRowsFrom(one)(table, column, values);
    });
}
