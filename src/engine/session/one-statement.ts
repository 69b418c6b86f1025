import assert from 'node:assert';
import {
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
} from 'kysely';
import type { ClientBase } from 'pg';
import type { NamedQuery } from '../../database/prepared';
import { stateHeadTable, type StateDatabase } from '../define/state-table';

/** How a read ended, with the position of the state that it read, which may be behind. */
export interface Attempt<T> {
  readonly position: number;
  readonly ended: PromiseSettledResult<T>;
}

/** The position, and whether there is a row, stand before the columns of the answer. */
const MARKS = 2;
const POSITION: keyof typeof stateHeadTable.columns = 'position';
/** The position alone. SQL as text: the builder has no word for a query of no columns. */
const NOTHING = 'select where false';

/**
 * Reads the state by one statement with the position in it, outside of any transaction: one
 * statement has one snapshot, and takes it when it has its locks. The head's table is the first
 * that it names, so that its lock is the first: a replay swaps the schemas under one that excludes
 * it, and whatever the statement names besides is looked up after the swap, or keeps it waiting.
 */
export class OneStatement {
  private position: number | undefined;
  private readonly db: Kysely<StateDatabase>;

  constructor(private readonly client: ClientBase) {
    this.db = kyselyOver({ executeQuery: (query) => this.execute(query), streamQuery: noStream });
  }

  /**
   * @param run makes one query at most
   * @throws what the query does
   */
  async read<T>(run: (db: Kysely<StateDatabase>) => Promise<T>): Promise<Attempt<T>> {
    this.position = undefined;
    const [ended] = await Promise.allSettled([run(this.db)]);
    if (ended.status === 'rejected' && this.position === undefined) throw ended.reason;
    const position = this.position ?? (await this.send(NOTHING, [])).position;
    return { position, ended };
  }

  private async execute<Row>(query: NamedQuery): Promise<QueryResult<Row>> {
    assert(this.position === undefined, 'What makes several queries needs a transaction');
    const { position, rows } = await this.send(query.sql, query.parameters, query.name);
    this.position = position;
    return { rows: rows as Row[] };
  }

  /**
   * What its one row on the left is joined with stays in order: there is no other way to join
   * without a condition but row by row. SQL as text: it stands around that of a query that is
   * compiled already.
   */
  private async send(text: string, parameters: readonly unknown[], name?: string) {
    const { fields, rows } = await this.client.query<unknown[]>({
      ...(name !== undefined && { name }),
      text: `select h.${POSITION}, q.* from ${stateHeadTable.name} as h
        left join lateral (select true, q.* from (${text}) as q) as q on true`,
      values: [...parameters],
      rowMode: 'array',
    });
    assert(rows[0] !== undefined, 'The state has no head');
    const names = fields.slice(MARKS).map((field) => field.name);
    const found = rows.filter((row) => row[1] === true).map((row) => rowOf(names, row));
    return { position: rows[0][0] as number, rows: found };
  }
}

function rowOf(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < names.length; i++) row[names[i]!] = values[i + MARKS];
  return row;
}

function noStream(): never {
  throw new Error('One statement is answered whole');
}

/** Kysely that knows nothing but to ask. */
function kyselyOver(connection: DatabaseConnection): Kysely<StateDatabase> {
  const refuse = () => Promise.reject(new Error('One statement has no transaction'));
  const driver: Driver = {
    init: () => Promise.resolve(),
    acquireConnection: () => Promise.resolve(connection),
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: () => Promise.resolve(),
    destroy: () => Promise.resolve(),
  };
  return new Kysely<StateDatabase>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}
