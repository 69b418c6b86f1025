import { sql, type Kysely, type RawBuilder } from 'kysely';
import { STATE_SCHEMA } from '../../database/connections';
import { writtenAt, type StateDatabase, type StateTable } from '../../engine/define/state-table';

/** What comparing a table needs to know of it, from its definition and from the database. */
export interface TableShape {
  readonly table: StateTable;
  readonly name: string;
  readonly columns: readonly string[];
  /** The columns that tell rows apart: the declared key, the primary key, or all. */
  readonly key: readonly string[];
  /** Columns of a type that has no hash of its own. */
  readonly asText: ReadonlySet<string>;
}

/**
 * The shapes of tables, as they are in the database that `db` is on.
 * SQL as text: it is about PostgreSQL's own tables.
 */
export async function shapesOf(
  db: Kysely<StateDatabase>,
  tables: readonly StateTable[],
): Promise<TableShape[]> {
  const { rows } = await sql<{
    name: string;
    columns: string[];
    primary: string[];
    asText: string[];
  }>`
    select c.relname as name,
      array_agg(a.attname::text order by a.attnum) as columns,
      coalesce(array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum))
        filter (where a.attnum = any(i.indkey)), '{}') as primary,
      coalesce(array_agg(a.attname::text) filter (where a.atttypid = 'json'::regtype), '{}')
        as "asText"
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.relnamespace = to_regnamespace(${STATE_SCHEMA})
      and c.relname = any(${tables.map((t) => t.name)})
    group by c.relname`.execute(db);
  const found = new Map(rows.map((row) => [row.name, row]));
  return tables.map((table) => {
    const row = found.get(table.name);
    if (!row) throw new Error(`The state has no table ${table.name}`);
    const { columns, primary } = row;
    const own = table.kind === 'keyed' ? [table.key] : primary;
    const key = own.length > 0 ? own : columns;
    return { table, name: table.name, columns, key, asText: new Set(row.asText) };
  });
}

/** A row of these columns, in a form that PostgreSQL can hash. */
export function hashable({ asText }: TableShape, columns: readonly string[]): RawBuilder<unknown> {
  const values = columns.map((c) => (asText.has(c) ? sql`${sql.id(c)}::text` : sql.id(c)));
  return sql`row(${sql.join(values)})`;
}

/** Position of the event that last wrote a row. */
export function lastPositionOf({ table }: TableShape): RawBuilder<number> {
  return sql.raw(`(${writtenAt(table)})`);
}
