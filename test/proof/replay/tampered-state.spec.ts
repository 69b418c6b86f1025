import { writtenAt } from '../../../src/engine/define/state-table';
import { features } from '../../../src/features';
import type { TableReport } from '../../../src/proof/replay/report';
import { query, withClient } from '../../harness/cluster';
import type { TestDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { seededRandom, type Random } from '../../harness/seed';
import { differing, replayOf, someBooks, verifyOf } from './some-books';

/** Tables in which a row is deleted and one is added, and the value that is another one in it. */
const TABLES = [
  {
    table: 'accounts',
    key: 'account_id',
    other: { account_id: 1, account_no: 0, client_id: null },
  },
  { table: 'companies', key: 'company_id', other: { company_id: 1, company_no: 0 } },
  {
    table: 'transactions',
    key: 'transaction_id',
    other: { transaction_id: 1, position: 0, client_id: null },
  },
  { table: 'entries', key: undefined, other: { ordinal: 99 } },
] as const;

const ANOTHER_ID = '00000000-0000-4000-8000-000000000001';

/** Books that a test does things to and mends at its end: all of them have the same ones. */
let databases: TestDatabases;
let good: Map<string, string[]>;
let random: Random;

beforeAll(async () => {
  databases = await someBooks(400, { lifetime: 'file' });
  good = await dumpState(databases.urls.state);
});

beforeEach(() => {
  random = seededRandom();
});

/** What every test ends with: a replay refuses, one that is told to mends, and all is well. */
afterEach(async () => {
  const tampered = await dumpState(databases.urls.state);
  expect(tampered).not.toEqual(good);
  expect(await replayOf(databases)).toMatchObject({ status: 'differs', swapMs: null });
  expect(await dumpState(databases.urls.state)).toEqual(tampered);
  const acceptDifferences = 'somebody was in the database';
  expect(await replayOf(databases, { acceptDifferences })).toMatchObject({
    status: 'swapped',
    accepted: acceptDifferences,
  });
  expect(await dumpState(databases.urls.state)).toEqual(good);
  expect(await verifyOf(databases)).toMatchObject({ status: 'passed' });
});

function tamper<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return query<Row & Record<string, unknown>>(databases.urls.state, text, values);
}

async function failed(): Promise<TableReport[]> {
  const report = await verifyOf(databases);
  expect(report).toMatchObject({ status: 'failed', doom: null, chain: { ok: true }, log: [] });
  return differing(report);
}

describe('a state that somebody has changed by hand', () => {
  it('is found by a balance', async () => {
    const entries = await tamper<{ position: number; ordinal: number }>(
      'select position, ordinal from state.entries order by 1, 2',
    );
    const { position, ordinal } = random.pick(entries);
    const [row] = await tamper<{ account_no: number; before: string; after: string }>(
      `update state.entries e set debits_after = e.debits_after + 12345 from state.entries old
       where e.position = $1 and e.ordinal = $2 and (old.position, old.ordinal) = ($1, $2)
       returning e.account_no, old.debits_after::text as before, e.debits_after::text as after`,
      [position, ordinal],
    );
    const key = `account_no=${row!.account_no}, position=${position}, ordinal=${ordinal}`;
    const { length } = entries;
    expect(await failed()).toEqual([
      {
        table: 'entries',
        ...{ liveRows: length, rebuiltRows: length, missing: 0, extra: 0, changed: 1 },
        firstDivergingPosition: position,
        samples: [{ key, column: 'debits_after', live: row!.after, rebuilt: row!.before }],
      },
    ]);
  });

  it('is found by rows that are gone and rows that nobody wrote', async () => {
    const expected = [];
    for (const { table, key, other } of TABLES) {
      const definition = features.flatMap((f) => f.tables).find((t) => t.name === table)!;
      const sample = (of: string) => `(select ctid from state.${of} order by random() limit 1)`;
      const values = Object.entries(other).map(([column, value]) => [
        column,
        column === key ? ANOTHER_ID : value,
      ]);
      const [added] = await tamper<{ position: number }>(
        `insert into state.${table} select (jsonb_populate_record(t, $1)).* from state.${table} t
         where ctid = ${sample(table)} returning ${writtenAt(definition)} as position`,
        [JSON.stringify(Object.fromEntries(values))],
      );
      // Gone is everything that was written to the row, from the event on that made it.
      const made =
        { accounts: 'account_no', companies: 'company_no' }[table as string] ?? 'position';
      const [gone] = await tamper<{ position: number; key: string }>(
        `delete from state.${table} where ctid = (select ctid from state.${table}
           where ${key === undefined ? 'ordinal <> 99' : `${key} <> '${ANOTHER_ID}'`}
           order by random() limit 1)
         returning ${made} as position, ${key ?? 'account_no'}::text as key`,
      );
      const firstDivergingPosition = Math.min(added!.position, gone!.position);
      expected.push({ table, missing: 1, extra: 1, changed: 0, firstDivergingPosition });
      expect(gone!.key).not.toBe('');
    }
    const found = await failed();
    const byName = (a: { table: string }, b: { table: string }) => (a.table < b.table ? -1 : 1);
    expect(found.sort(byName)).toMatchObject(expected.sort(byName));
    for (const { table, samples, liveRows, rebuiltRows } of found) {
      expect(liveRows).toBe(rebuiltRows);
      const { key } = TABLES.find((t) => t.table === table)!;
      expect(samples.map((s) => s.column)).toEqual([null, null]);
      const extra = samples.find((s) => s.rebuilt === null)!;
      const missing = samples.find((s) => s.live === null)!;
      expect(extra.key).toContain(key === undefined ? 'ordinal=99' : `${key}=${ANOTHER_ID}`);
      expect(Object.keys(JSON.parse(missing.rebuilt!) as object)).toContain(key ?? 'amount');
    }
  });

  it('is found by an older version of a row, from the first event that it lacks', async () => {
    const moves = await query<{ position: number; id: string; address: object; version: number }>(
      databases.urls.log,
      `select position, data ->> 'companyId' as id, data -> 'address' as address,
         1 + row_number() over (partition by data ->> 'companyId' order by position) as version
       from event_log where type = 'CompanyAddressChanged' order by position`,
    );
    const ids = [...new Set(moves.map((move) => move.id))];
    const ofOne = (id: string) => moves.filter((move) => move.id === id);
    let first = Infinity;
    for (const id of ids.slice(0, 3)) {
      const own = ofOne(id);
      expect(own.length).toBeGreaterThan(2);
      const kept = random.below(own.length - 1);
      const { address, version, position } = own[kept]!;
      first = Math.min(first, own[kept + 1]!.position);
      await tamper(
        `update state.companies set address = $2, version = $3, last_position = $4
         where company_id = $1`,
        [id, JSON.stringify(address), version, position],
      );
    }
    expect(await failed()).toMatchObject([
      { table: 'companies', changed: 3, missing: 0, extra: 0, firstDivergingPosition: first },
    ]);
  });

  it('is found by cells that changed places', async () => {
    const swapped = await tamper<object>(
      `with two as (select entry, lead(entry, 1, first) over (order by entry) as from
         from (select ctid as entry, min(ctid) over () as first from
           (select distinct on (amount) ctid from state.entries order by amount, ctid limit 2) t) t)
       update state.entries e set amount = o.amount
       from two join state.entries o on o.ctid = two.from
       where e.ctid = two.entry returning e.position`,
    );
    expect(swapped.length).toBe(2);
    expect(await failed()).toMatchObject([{ table: 'entries', changed: 2, missing: 0, extra: 0 }]);
  });

  it('is found by any number of cells of any type in any table', async () => {
    const counts = await changeCells(20 + random.below(200));
    const found = await failed();
    expect(
      Object.fromEntries(found.map((t) => [t.table, [t.missing, t.extra, t.changed]])),
    ).toEqual(Object.fromEntries([...counts].map(([table, rows]) => [table, [0, 0, rows.size]])));
    for (const { samples } of found) expect(samples.length).toBeGreaterThan(0);
  });

  it('is found by a table that is empty', async () => {
    const [{ rows }] = (await tamper<{ rows: number }>(
      'select count(*) as rows from state.entries',
    )) as [{ rows: number }];
    await tamper('truncate state.entries');
    expect(await failed()).toMatchObject([
      { table: 'entries', missing: rows, extra: 0, changed: 0, liveRows: 0, rebuiltRows: rows },
    ]);
  });
});

interface Cell {
  table: string;
  column: string;
  type: string;
}

/**
 * How a value of a type becomes another one. PostgreSQL's own hashes do not tell the numbers apart:
 * they know no sign, and fold the halves of a bigint.
 */
const CHANGES: Record<string, string> = {
  int8: '@ # 4294967297',
  int4: '@ + 1000000',
  numeric: 'case when @ = 0 then 1 else -@ end',
  text: `@ || ' '`,
  uuid: 'gen_random_uuid()',
  date: '@ + 1',
  timestamptz: `@ + interval '1 microsecond'`,
  jsonb: `jsonb_build_array(@)`,
  json: 'json_build_array(@)',
  _int8: '@ || 7::bigint',
};

/** Changes cells at random. @returns by table the rows that were changed */
async function changeCells(count: number): Promise<Map<string, Set<string>>> {
  const names = features.flatMap((f) => f.tables);
  const cells = await tamper<Cell>(
    `select c.relname as table, a.attname as column, t.typname as type
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
     join pg_type t on t.oid = a.atttypid
     where c.relnamespace = 'state'::regnamespace and c.relname = any($1) and c.relkind = 'r'
       and not exists (select from pg_index i where i.indrelid = c.oid and i.indisunique
         and a.attnum = any(i.indkey))
     order by 1, 2`,
    [names.map((table) => table.name)],
  );
  const rows = new Map<string, Set<string>>();
  await withClient(databases.urls.state, async (client) => {
    for (let left = count; left > 0; left--) {
      const { table, column, type } = random.pick(cells);
      const change = CHANGES[type];
      if (change === undefined) throw new Error(`No way to change a ${type}`);
      const { rows: all } = await client.query<{ id: string }>(
        `select ctid::text as id from state.${table} order by ctid`,
      );
      const free = all.filter(({ id }) => !rows.get(table)?.has(id));
      if (free.length === 0) continue;
      const { rows: changed } = await client
        .query<{ id: string }>(
          `update state.${table} set ${column} = ${change.replaceAll('@', column)}
           where ctid = $1 and ${column} is not null returning ctid::text as id`,
          [random.pick(free).id],
        )
        // A check refuses some values of a closed list.
        .catch(() => ({ rows: [] }));
      for (const { id } of changed) rows.set(table, (rows.get(table) ?? new Set()).add(id));
    }
  });
  return rows;
}
