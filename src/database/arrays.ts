import { sql, type AliasedRawBuilder, type Expression, type RawBuilder } from 'kysely';
import type { PostgresType } from './column';

/** A column of rows that a query is given: its values are sent as one parameter. */
export interface GivenColumn<Value> {
  readonly type: GivenType;
  readonly values: GivenValues<Value>;
}
/** The values themselves, or what stands for them in a query that is prepared. */
type GivenValues<Value> = readonly Value[] | Expression<readonly Value[]>;
type GivenType = Exclude<PostgresType, 'bigint[]'> | 'boolean';

/** What the values of a parameter are to PostgreSQL. */
export function given<Value>(type: GivenType, values: GivenValues<Value>): GivenColumn<Value> {
  return { type, values };
}

/** The rows of some columns, as a query has them. */
type GivenRow<Given> = { [K in keyof Given]: Given[K] extends GivenColumn<infer V> ? V : never };

/**
 * Rows that a query is given, as a table of it: `unnest($1::bigint[], …) as alias(name, …)`. A
 * statement with any number of rows has the same text that way, and a parameter a column.
 */
export function rowsOf<Alias extends string, Given extends Record<string, GivenColumn<unknown>>>(
  alias: Alias,
  columns: Given,
): AliasedRawBuilder<GivenRow<Given>, Alias> {
  const arrays = Object.values(columns).map(({ type, values }) => arrayOf(type, values));
  const names = Object.keys(columns).map((name) => sql.id(name));
  return sql<GivenRow<Given>>`unnest(${sql.join(arrays)})`.as<Alias>(
    sql`${sql.id(alias)}(${sql.join(names)})`,
  );
}

/** The elements of an array, as a table of one column: `unnest(list) as alias(name)`. */
export function elementsOf<Value, Alias extends string, Name extends string>(
  list: Expression<readonly Value[]>,
  alias: Alias,
  name: Name,
): AliasedRawBuilder<Record<Name, Value>, Alias> {
  return sql<Record<Name, Value>>`unnest(${list})`.as<Alias>(
    sql`${sql.id(alias)}(${sql.id(name)})`,
  );
}

/** The right side of an equation that holds for each of the values: `any($1::uuid[])`. */
export function anyOf<Value>(type: GivenType, values: GivenValues<Value>): RawBuilder<Value> {
  return sql<Value>`any(${arrayOf(type, values)})`;
}

function arrayOf(type: GivenType, values: GivenValues<unknown>): RawBuilder<unknown> {
  return sql`${values}::${sql.raw(type)}[]`;
}
