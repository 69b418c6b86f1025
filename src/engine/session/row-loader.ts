import { sql, type Kysely } from 'kysely';
import type { LoadFitting } from './session-mode';

/** Loads rows by the values of a column, from the table or from the query that it names. */
export function loadRowsFrom(db: Kysely<unknown>): LoadFitting {
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
 * Loads rows outside the locks, from a state that must have come to a position at least. Rows that
 * nobody's uncommitted batch has touched are the same there, in a state that has all committed
 * batches: after a crash of its server it may lack the last ones. The check and the rows come over
 * one connection: a crash of the server between the two cuts it.
 * @throws StateIsBehind
 */
export function loadRowsOutside(db: Kysely<unknown>): LoadFitting {
  return (table, column, values, leastPosition) =>
    db.connection().execute(async (one) => {
      const least = leastPosition();
      const { rows } = await sql<{ position: number }>`
        select position from event_log_state`.execute(one);
      const { position } = rows[0]!;
      if (position < least) throw new StateIsBehind(`at ${position}, and not yet at ${least}`);
      return loadRowsFrom(one)(table, column, values, leastPosition);
    });
}
