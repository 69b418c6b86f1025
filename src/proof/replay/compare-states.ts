import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { STATE_SCHEMA } from '../../database/connections';
import type { StateTable } from '../../engine/define/state-table';
import { compareTable } from './comparison';
import { LiveSnapshot } from './live-snapshot';
import type { TableReport } from './report';
import { tablesOf } from './shadow-schema';
import { shapesOf, type TableShape } from './table-shape';

/** How the tables of two state databases compare. */
export interface StatesReport {
  /** `live` stands for the released code's state, `rebuilt` for that of the code at hand. */
  readonly tables: readonly TableReport[];
  /** Tables and columns (`table.column`) that only the code at hand has. */
  readonly added: readonly string[];
  /** Tables and columns that only the released code has. */
  readonly removed: readonly string[];
}

/** Compares two whole states, each in a database of its own, in what they have in common. */
export async function compareStates(
  releasedUrl: string,
  ownUrl: string,
  tables: readonly StateTable[],
): Promise<StatesReport> {
  const released = await LiveSnapshot.open(releasedUrl);
  try {
    const own = await LiveSnapshot.open(ownUrl);
    try {
      return await compareBoth(released, own, tables);
    } finally {
      own.close();
    }
  } finally {
    released.close();
  }
}

async function compareBoth(
  released: LiveSnapshot,
  own: LiveSnapshot,
  tables: readonly StateTable[],
): Promise<StatesReport> {
  const [before, now] = [await columnsOf(released), await columnsOf(own)];
  const seed = randomBytes(8).readBigInt64LE().toString();
  const reports: TableReport[] = [];
  for (const shape of await shapesOf(own.db, tables)) {
    const known = before.get(shape.name);
    if (!known) continue;
    const columns = shape.columns.filter((column) => known.has(column));
    const common: TableShape = { ...shape, columns };
    const all = { after: 0, upTo: Number.MAX_SAFE_INTEGER };
    reports.push((await compareTable(released, own, common, all, seed)).report);
  }
  return { tables: reports, added: lacking(now, before), removed: lacking(before, now) };
}

type Columns = ReadonlyMap<string, ReadonlySet<string>>;

/** SQL as text: it is about PostgreSQL's own tables. */
async function columnsOf({ db }: LiveSnapshot): Promise<Columns> {
  const names = await tablesOf(db, STATE_SCHEMA);
  const { rows } = await sql<{ table: string; columns: string[] }>`
    select c.relname as table, array_agg(a.attname::text) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = to_regnamespace(${STATE_SCHEMA}) and c.relname = any(${names})
      and a.attnum > 0 and not a.attisdropped
    group by c.relname`.execute(db);
  return new Map(rows.map(({ table, columns }) => [table, new Set(columns)]));
}

/** What the first has and the second has not. */
function lacking(these: Columns, those: Columns): string[] {
  return [...these].flatMap(([table, columns]) => {
    const other = those.get(table);
    if (!other) return [table];
    return [...columns].filter((column) => !other.has(column)).map((c) => `${table}.${c}`);
  });
}
