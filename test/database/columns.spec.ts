import { taskLogTable } from '../../src/engine/write/task-log';
import type { Table } from '../../src/engine/define/state-table';
import { commandLogTable, eventBackupTable, eventLogTable } from '../../src/engine/write/event-log';
import { features } from '../../src/features';
import { taskDeliveryTable } from '../../src/outside/tasks/task-database';
import { query } from '../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../harness/databases';

const LOG_TABLES: readonly Table[] = [
  eventLogTable,
  commandLogTable,
  taskLogTable,
  eventBackupTable,
  taskDeliveryTable,
];
const STATE_TABLES: readonly Table[] = features.flatMap((feature) => feature.tables);

interface CatalogueColumn {
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
}

describe('declared columns (on real databases)', () => {
  let databases: TestDatabases;

  beforeAll(async () => {
    databases = await cloneDatabases({ lifetime: 'file' });
  });

  it.each([
    ...STATE_TABLES.map((table) => ['state', table.name, table] as const),
    ...LOG_TABLES.map((table) => ['log', table.name, table] as const),
  ])('are those of the %s database: %s', async (database, _, { name, columns }) => {
    const there = await query<CatalogueColumn & Record<string, unknown>>(
      databases.urls[database],
      `select attname as name, atttypid::regtype::text as type, not attnotnull as "isNullable"
       from pg_attribute
       where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
      [name],
    );
    const types = await query<{ type: string; is: string }>(
      databases.urls[database],
      `select type, type::regtype::text as is from unnest($1::text[]) as type`,
      [[...new Set(Object.values(columns).map(({ type }) => type))]],
    );
    const nameOf = new Map(types.map(({ type, is }) => [type, is]));
    const declared = Object.entries(columns).map(([column, { type, isNullable }]) => ({
      name: column,
      type: nameOf.get(type),
      isNullable,
    }));
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(declared.sort(byName)).toEqual([...there].sort(byName));
  });
});
