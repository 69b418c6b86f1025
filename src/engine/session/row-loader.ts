import { sql, type CompiledQuery, type Kysely } from 'kysely';
import { typeOf, type Key, type KeyedTable, type StateDatabase } from '../define/state-table';
import type { LoadFitting } from './session-mode';

/** Loads rows by the values of a column, from the table or from the query that it names. */
export function loadRowsFrom(db: Kysely<StateDatabase>): LoadFitting {
  return async (table, column, values) => {
    if (table.read) return [...(await table.read(db, values as readonly string[]))];
    const { rows } = await db.executeQuery<object>(loadOf(db, table, column, values));
    return rows;
  };
}

/** By table and column; made once, because a batch would wait for it under the locks. */
const loads = new WeakMap<KeyedTable, Map<string, CompiledQuery>>();

function loadOf(
  db: Kysely<StateDatabase>,
  table: KeyedTable,
  column: string,
  values: readonly Key[],
): CompiledQuery {
  const ofTable = loads.get(table) ?? new Map<string, CompiledQuery>();
  loads.set(table, ofTable);
  const known = ofTable.get(column) ?? compileLoad(db, table, column);
  ofTable.set(column, known);
  return { ...known, parameters: [values] };
}

/** SQL as text: which table and column it is about is known to the table's definition alone. */
function compileLoad(db: Kysely<StateDatabase>, table: KeyedTable, column: string): CompiledQuery {
  const source = table.source?.as('t') ?? sql`${sql.ref(table.name)} as t`;
  return sql`
    select * from ${source}
    where ${sql.ref(`t.${column}`)} = any(${[]}::${sql.raw(typeOf(table, column))}[])`.compile(db);
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
export function loadRowsOutside(db: Kysely<StateDatabase>): LoadFitting {
  return (table, column, values, leastPosition) =>
    db.connection().execute(async (one) => {
      const least = leastPosition();
      const { position } = await one
        .selectFrom('event_log_state')
        .select('position')
        .executeTakeFirstOrThrow();
      if (position < least) throw new StateIsBehind(`at ${position}, and not yet at ${least}`);
      return loadRowsFrom(one)(table, column, values, leastPosition);
    });
}
