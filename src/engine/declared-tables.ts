import type { Kysely } from 'kysely';
import { anyOf } from '../database/arrays';
import { RegistryError } from './define/registry';
import type { StateDatabase, StateTable } from './define/state-table';

/** What PostgreSQL knows of the columns of its tables. */
type Catalog = Record<
  'information_schema.columns',
  { table_schema: string; table_name: string; column_name: string }
>;

/**
 * Checks that the state has every table and column that features declare, so that a migration which
 * was forgotten stops the start and not the first request.
 * @throws RegistryError naming each that is missing
 */
export async function checkDeclaredTables(
  db: Kysely<StateDatabase>,
  tables: readonly StateTable[],
): Promise<void> {
  const rows = await db
    .withTables<Catalog>()
    .selectFrom('information_schema.columns')
    .select(['table_name', 'column_name'])
    .where('table_schema', '=', 'state')
    .where(
      'table_name',
      '=',
      anyOf(
        'text',
        tables.map(({ name }) => name),
      ),
    )
    .execute();
  const stored = new Map<string, Set<string>>();
  for (const { table_name: table, column_name: name } of rows) {
    stored.set(table, (stored.get(table) ?? new Set()).add(name));
  }
  const missing = tables.flatMap(({ name, columns }) => {
    const known = stored.get(name);
    if (!known)
      return [`the state has no table ${name}: no migration of migrations/state makes it`];
    const lost = Object.keys(columns).filter((column) => !known.has(column));
    return lost.map((column) => `the state's table ${name} has no column ${column}`);
  });
  if (missing.length > 0) throw new RegistryError(missing);
}
