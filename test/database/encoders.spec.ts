import fc from 'fast-check';
import type * as BinaryCopy from '../../src/database/binary-copy';
import { column, ValueRefused, type Column, type PostgresType } from '../../src/database/column';
import { clientConfig } from '../../src/database/connections';
import { WriterConnection } from '../../src/database/writer-connection';
import { encodeChanges, encodeRows, NotEncoded, send } from '../../src/engine/session/flush';
import { defineAppendTable, defineKeyedTable } from '../../src/engine/define/state-table';
import { cloneDatabases } from '../harness/databases';
import { query } from '../harness/cluster';
import { rounds } from '../harness/rounds';
import { runSeed } from '../harness/seed';

/** What may stand where a value of the type should: nearly right, of another type, or right. */
interface Candidates {
  readonly column: Column;
  readonly values: fc.Arbitrary<unknown>;
  /** Values that have to be taken. */
  readonly right: readonly unknown[];
  /** How PostgreSQL's text input is given the value; default as it is written. */
  readonly text?: (value: unknown) => string;
}

const digits = fc.string({
  unit: fc.constantFrom(...'0123456789abcdefABCDEF-g :TZ.+'),
  maxLength: 40,
});
const numbers = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(NaN, Infinity, -0, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 3e9, 1.5, 1e300),
);
const NOT_IN_JSON = [NaN, Infinity, -Infinity, undefined, () => 1, Symbol.iterator, 1n];
const others = fc.constantFrom<unknown>(
  '',
  '1',
  true,
  [],
  {},
  1n,
  undefined,
  () => 1,
  Symbol.iterator,
);
const changed = (right: fc.Arbitrary<string>) =>
  fc.tuple(right, fc.nat(40), digits).map(([text, at, put]) => {
    return text.slice(0, at) + put.slice(0, 1) + text.slice(at + 1);
  });
const two = fc.integer({ min: 0, max: 99 }).map((n) => String(n).padStart(2, '0'));
const dates = fc
  .tuple(fc.constantFrom('2026', '2024', '1900', '0001', '0000', '9999', '12026', '-001'), two, two)
  .map((parts) => parts.join('-'));
const times = fc
  .tuple(
    dates,
    fc.tuple(two, two, two),
    fc.constantFrom('.000Z', '.999Z', 'Z', '.5Z', '+02:00', ''),
  )
  .map(([day, clock, end]) => `${day}T${clock.join(':')}${end}`);
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('\0', 'a\0b', '\ud800', 'x'.repeat(50) + '\udc00', '\0'.repeat(30), 'ä\0'),
);

/** Texts count as JSON that was written already, and are not among them. */
const leaves = fc.oneof(numbers, fc.constantFrom<unknown>(null, true, 'ä', [], {}, ...NOT_IN_JSON));
const objects = fc.oneof(
  fc.dictionary(fc.constantFrom('a', 'b', 'ä'), leaves),
  fc.array(fc.oneof(leaves, fc.array(leaves)), { maxLength: 3 }),
);
const RIGHT_JSON = [{}, [], { a: [1, null, 'ä', true, { b: 0.5 }] }];

const hexBytes = (value: unknown) => `\\x${String(value)}`;
const listText = (value: unknown) => `{${String(value)}}`;
/** Whether JSON has for everything in a value just that. */
function isInJson(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isInJson);
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
}
const CANDIDATES: Partial<Record<PostgresType, Candidates>> = {
  int: { column: column.int(), values: numbers, right: [0, -1, 2 ** 31 - 1, -(2 ** 31)] },
  bigint: {
    column: column.bigint(),
    values: numbers,
    right: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  },
  numeric: {
    column: column.numeric(),
    values: fc.oneof(fc.bigInt(), fc.bigInt({ min: 10n ** 300n, max: 10n ** 460n }), numbers),
    right: [0n, -1n, 10n ** 60n, 9999n, 10_000n],
  },
  uuid: {
    column: column.uuid(),
    values: fc.oneof(fc.uuid(), changed(fc.uuid()), digits),
    right: ['00000000-0000-7000-8000-000000000000', 'ABCDEF01-2345-6789-abcd-ef0123456789'],
  },
  bytea: {
    column: column.bytea(),
    values: digits,
    right: ['', '00ff', 'ABcd'],
    text: hexBytes,
  },
  text: { column: column.text(), values: nasty, right: ['', 'ä€😀', 'x'.repeat(30)] },
  date: {
    column: column.date(),
    values: fc.oneof(dates, changed(dates)),
    right: ['2024-02-29', '0001-01-01', '9999-12-31'],
  },
  timestamptz: {
    column: column.timestamptz(),
    values: fc.oneof(times, changed(times)),
    right: ['2024-02-29T23:59:59.999Z', '0001-01-01T00:00:00.000Z', '1969-12-31T23:59:59.001Z'],
  },
  json: { column: column.json(), values: objects, right: RIGHT_JSON, text: JSON.stringify },
  jsonb: { column: column.jsonb(), values: objects, right: RIGHT_JSON, text: JSON.stringify },
  'bigint[]': {
    column: column.bigints(),
    values: fc.array(numbers),
    right: [[], [1, -2], [Number.MAX_SAFE_INTEGER]],
    text: listText,
  },
};

/** A connection that writes to the tables of a spec, closed with its databases. */
async function open(tables: readonly string[]) {
  const databases = await cloneDatabases({ stateTables: tables, isChecked: false });
  const timeouts = { lockTimeoutMs: 5_000, statementTimeoutMs: 20_000 };
  const config = clientConfig(databases.urls.state, 'truebook_state_writer', timeouts);
  const connection = new WriterConnection(config);
  await connection.connect();
  databases.onEnd(() => connection.close());
  return { connection, url: databases.urls.state };
}

describe('what is sent by COPY', () => {
  it.each(Object.entries(CANDIDATES))(
    'is a %s as PostgreSQL reads it, or is not sent',
    async (type, { column: of, values, right, text = String }) => {
      const seed = runSeed();
      process.stderr.write(`SEED=${seed} (${type})\n`);
      const columns = { no: column.int(), value: of };
      const table = defineAppendTable({ name: 'candidates', lastPosition: 'no', columns });
      const { connection, url } = await open([
        `create table state.candidates (no int, value ${type})`,
        `create table state.texts (no int, value text)`,
      ]);
      const sampled = fc.sample(fc.oneof(values, others), { numRuns: rounds(500, 5_000), seed });
      const taken: { no: number; value: unknown }[] = [];
      const isJson = type.startsWith('json');
      for (const value of [...right, ...sampled]) {
        if (isJson && typeof value === 'string') continue;
        const row = { no: taken.length, value };
        try {
          encodeRows(table, [row as never]);
          taken.push(row);
          if (isJson) expect(isInJson(value)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: 'NotEncoded', cause: { name: 'ValueRefused' } });
        }
      }
      expect(taken.slice(0, right.length).map((row) => row.value)).toEqual(right);
      await Promise.all(send(connection, [encodeRows(table, taken as never)]));
      const stored = await query<{ no: number; is_same: boolean }>(
        url,
        `select no, pg_input_is_valid(t.text, '${type}')
           and t.text::${type}::text = c.value::text as is_same
         from candidates c join unnest($1::text[]) with ordinality t(text, n) on t.n = c.no + 1`,
        [taken.map((row) => text(row.value))],
      );
      const wrong = stored.filter((row) => !row.is_same).map(({ no }) => taken[no]!.value);
      expect(wrong).toEqual([]);
      expect(stored).toHaveLength(taken.length);
    },
  );

  it('says which column a value is not fit for', () => {
    const columns = { no: column.int(), day: column.date() };
    const table = defineAppendTable({ name: 'days', lastPosition: 'no', columns });
    const encode = (row: object) => () => encodeRows(table, [row as never]);
    for (const day of ['2026-02-30', '2026-2-3', '', 5, undefined]) {
      expect(encode({ no: 1, day })).toThrow(NotEncoded);
    }
    try {
      encode({ no: 3e9, day: '2026-02-28' })();
    } catch (error) {
      expect((error as Error).cause).toEqual(
        new ValueRefused('no', new RangeError('a value of type number is not a 32-bit integer')),
      );
    }
    expect.hasAssertions();
  });

  it('is no day and no time where there is no text, be it the first that is encoded', () => {
    jest.isolateModules(() => {
      const { BinaryCopyWriter } = jest.requireActual<typeof BinaryCopy>(
        '../../src/database/binary-copy',
      );
      const writer = new BinaryCopyWriter();
      expect(() => writer.date('')).toThrow('is not a date');
      expect(() => writer.timestamp('')).toThrow('is not an RFC 3339 time');
    });
  });

  it.each(Object.entries(CANDIDATES))(
    'says nothing of what should be a %s',
    (_, { column: of }) => {
      const table = defineAppendTable({
        name: 'told',
        lastPosition: 'value',
        columns: { value: of },
      });
      const said: string[] = [];
      for (const value of ['secret\0', ['secret\0'], 987_654.5, { secret: () => 1 }]) {
        try {
          encodeRows(table, [{ value }]);
        } catch (error) {
          for (let at = error; at instanceof Error; at = at.cause) said.push(at.message);
        }
      }
      expect(said.length).toBeGreaterThan(0);
      expect(said.join()).not.toMatch(/secret|987654/);
    },
  );
});

describe('what is sent as the parameter of an update', () => {
  it('is a value, and a text that stays what it is', () => {
    const columns = { id: column.bigint(), words: column.text() };
    const table = defineKeyedTable({
      ...{ name: 'words', key: 'id', unique: [], mutable: ['words'], cacheRows: 1 },
      lastPosition: 'id',
      columns,
    });
    const update = (words: unknown) => () =>
      encodeChanges({
        inserts: [],
        sums: [],
        lists: [],
        changes: [
          {
            table,
            changes: { removed: [], inserted: [], updated: [{ id: 1, words }] },
          },
        ],
      });
    expect(update('ä€😀')).not.toThrow();
    for (const words of ['\ud800', undefined]) expect(update(words)).toThrow(NotEncoded);
  });

  it.each([
    ['date', column.date(), '2026-02-28', ['infinity', 'today', '2026-02-30', '', 5]],
    ['timestamptz', column.timestamptz(), '2026-02-28T10:00:00.000Z', ['now', 'infinity', '']],
    ['json', column.json(), { a: [1, null] }, NOT_IN_JSON.map((a) => ({ a }))],
    ['jsonb', column.jsonb(), { a: [1, null] }, NOT_IN_JSON.map((a) => [[a]])],
  ])('is a %s that COPY would take too', (_, value, right, wrong: unknown[]) => {
    const columns = { id: column.bigint(), value: value.nullable() };
    const table = defineKeyedTable({
      ...{ name: 'told', key: 'id', unique: [], mutable: ['value'], cacheRows: 1 },
      lastPosition: 'id',
      columns,
    });
    const update = (to: unknown) => () => {
      const changes = { removed: [], inserted: [], updated: [{ id: 1, value: to }] };
      const nothing = { inserts: [], sums: [], lists: [] };
      return encodeChanges({ ...nothing, changes: [{ table, changes }] });
    };
    for (const taken of [right, null]) expect(update(taken)).not.toThrow();
    for (const refused of wrong) expect(update(refused)).toThrow(NotEncoded);
  });
});
