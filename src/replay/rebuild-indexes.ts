import { sql, type Kysely } from 'kysely';
import { STATE_SCHEMA } from '../database/connections';
import type { StateTable } from '../engine/state-table';

/** An index that a rebuild does without until the rows are there. */
export interface DroppedIndex {
  readonly table: string;
  readonly name: string;
  /** What makes it again: a constraint's definition or a whole CREATE INDEX. */
  readonly definition: string;
  readonly isConstraint: boolean;
}

/**
 * Drops every index of the state's tables except those on a table's key, which the session loads
 * rows by. Building an index once over all rows takes a fraction of growing it row by row.
 */
export async function dropIndexes(
  db: Kysely<unknown>,
  tables: readonly StateTable[],
): Promise<DroppedIndex[]> {
  const names = tables.map((t) => t.name);
  const keys = tables.map((t) => (t.kind === 'keyed' ? t.key : ''));
  const { rows } = await sql<DroppedIndex>`
    select t.relname as table, i.relname as name, c.oid is not null as "isConstraint",
      coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.oid)) as definition
    from unnest(${names}::text[], ${keys}::text[]) as wanted(name, key)
    join pg_namespace n on n.nspname = ${STATE_SCHEMA}
    join pg_class t on t.relnamespace = n.oid and t.relname = wanted.name
    join pg_index x on x.indrelid = t.oid
    join pg_class i on i.oid = x.indexrelid
    left join pg_constraint c on c.conindid = i.oid and c.conrelid = t.oid
    left join pg_attribute a
      on a.attrelid = t.oid and a.attnum = x.indkey[0] and a.attname = wanted.key
    where a.attname is null or x.indnatts > 1
    order by i.relname`.execute(db);
  for (const { table, name, isConstraint } of rows) {
    const target = sql.id(STATE_SCHEMA, table);
    await (
      isConstraint
        ? sql`alter table ${target} drop constraint ${sql.id(name)}`
        : sql`drop index ${sql.id(STATE_SCHEMA, name)}`
    ).execute(db);
  }
  return rows;
}

/** Makes the dropped indexes again, each under its name and as it was. */
export async function restoreIndexes(
  db: Kysely<unknown>,
  dropped: readonly DroppedIndex[],
): Promise<void> {
  for (const { table, name, definition, isConstraint } of dropped) {
    const target = sql.id(STATE_SCHEMA, table);
    await (
      isConstraint
        ? sql`alter table ${target} add constraint ${sql.id(name)} ${sql.raw(definition)}`
        : sql.raw(definition)
    ).execute(db);
  }
}
