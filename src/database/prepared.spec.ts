import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type CompiledQuery,
  type DatabaseConnection,
} from 'kysely';
import { anyOf, given, rowsOf } from './arrays';
import { prepared, sendable, textOf } from './prepared';

interface Library {
  books: { book_no: number; title: string; shelf: string | null };
}

/** A database that answers nothing and keeps what it was asked. */
function openRecorder(): { db: Kysely<Library>; asked: CompiledQuery[] } {
  const asked: CompiledQuery[] = [];
  const connection: DatabaseConnection = {
    executeQuery: (query) => {
      asked.push(query);
      return Promise.resolve({ rows: [] });
    },
    streamQuery: () => {
      throw new Error('is not used');
    },
  };
  class Recorder extends DummyDriver {
    override acquireConnection(): Promise<DatabaseConnection> {
      return Promise.resolve(connection);
    }
  }
  const db = new Kysely<Library>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new Recorder(),
      createIntrospector: (of) => new PostgresIntrospector(of),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  return { db, asked };
}

interface Wanted {
  readonly after: number;
  readonly shelf: string | null | undefined;
}

describe('a prepared query', () => {
  it('is built once for the values that it is given, and takes new ones each time', async () => {
    let built = 0;
    const list = prepared<Library, Wanted, object>((db, { after, shelf }) => {
      built++;
      const query = db.selectFrom('books').selectAll().where('book_no', '>', after).limit(5);
      return shelf === undefined ? query : query.where('shelf', '=', shelf);
    });
    const { db, asked } = openRecorder();
    await list(db, { after: 1, shelf: undefined });
    await list(db, { after: 2, shelf: undefined });
    await list(db, { after: 3, shelf: 'a' });
    await list(db, { shelf: null, after: 4 });
    await list(db, { after: 5, shelf: 'b' });
    const all = 'select * from "books" where "book_no" > $1 limit $2';
    const ofShelf = 'select * from "books" where "book_no" > $1 and "shelf" = $2 limit $3';
    expect(asked.map(({ sql, parameters }) => [sql, parameters])).toEqual([
      [all, [1, 5]],
      [all, [2, 5]],
      [ofShelf, [3, 'a', 5]],
      [ofShelf, [4, null, 5]],
      [ofShelf, [5, 'b', 5]],
    ]);
    expect(built).toBe(3);
  });

  it('takes arrays', async () => {
    const find = prepared<Library, { numbers: number[]; titles: string[] }, object>(
      (db, { numbers, titles }) =>
        db
          .selectFrom(rowsOf('w', { title: given('text', titles) }))
          .innerJoin('books as b', 'b.title', 'w.title')
          .select('b.book_no')
          .where('b.book_no', '=', anyOf('bigint', numbers)),
    );
    const { db, asked } = openRecorder();
    await find(db, { numbers: [1, 2], titles: ['a'] });
    expect(asked.map(({ sql, parameters }) => [sql, parameters])).toEqual([
      [
        'select "b"."book_no" from unnest($1::text[]) as "w"("title") ' +
          'inner join "books" as "b" on "b"."title" = "w"."title" ' +
          'where "b"."book_no" = any($2::bigint[])',
        [['a'], [1, 2]],
      ],
    ]);
  });
});

describe('a query that is sent as text', () => {
  it('is built once, and takes its values each time', () => {
    let built = 0;
    const find = sendable<Library, { after: number; shelf: string | null }, { title: string }>(
      'find',
      (db, { after, shelf }) => {
        built++;
        const query = db.selectFrom('books').select('title').where('shelf', '=', shelf);
        return query.where('book_no', '>', after).where('title', '<>', 'none');
      },
    );
    const text =
      'select "title" from "books" where "shelf" = $1 and "book_no" > $2 and "title" <> $3';
    expect({ ...find({ after: 1, shelf: 'a' }) }).toEqual({
      name: 'find',
      text,
      values: ['a', 1, 'none'],
    });
    expect(find({ shelf: null, after: 2 }).values).toEqual([null, 2, 'none']);
    expect(built).toBe(1);
  });

  it('has literals where there are no parameters', () => {
    const titles = (no: number) => (db: Kysely<Library>) =>
      db.selectFrom('books').select('title').where('book_no', '=', sql.lit(no));
    expect(textOf(titles(1))).toBe('select "title" from "books" where "book_no" = 1');
    const withValue = (db: Kysely<Library>) =>
      db.selectFrom('books').select('title').where('book_no', '=', 1);
    expect(() => textOf(withValue)).toThrow('is no literal');
  });
});
