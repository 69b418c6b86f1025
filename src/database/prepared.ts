import { sql, type Compilable, type CompiledQuery, type Kysely, type RawBuilder } from 'kysely';

/** The values that a query is given, as it is built: known by name, and absent where undefined. */
export type Placeholders<Values> = {
  readonly [Name in keyof Values]: undefined extends Values[Name]
    ? RawBuilder<Exclude<Values[Name], undefined>> | undefined
    : RawBuilder<Values[Name]>;
};

class Placeholder {
  constructor(readonly name: string) {}
}

/**
 * A query whose text depends on nothing but which values it is given. It is built the first time
 * and kept: to build and compile a query with a join takes 0.1 to 0.3 ms, as much as the database
 * takes to answer it, and a tenth of that where only the values are put in.
 */
export function prepared<DB, Values extends object, Row>(
  build: (db: Kysely<DB>, values: Placeholders<Values>) => Compilable<Row>,
): (db: Kysely<DB>, values: Values) => Promise<Row[]> {
  const known = new Map<string, CompiledQuery<Row>>();
  return async (db, values) => {
    const given = Object.entries(values).filter(([, value]) => value !== undefined);
    const shape = given.map(([name]) => name).join();
    let query = known.get(shape);
    if (!query) {
      const placeholders = given.map(([name]) => [name, sql.val(new Placeholder(name))]);
      query = build(db, Object.fromEntries(placeholders) as Placeholders<Values>).compile();
      known.set(shape, query);
    }
    const parameters = query.parameters.map((parameter) =>
      parameter instanceof Placeholder ? values[parameter.name as keyof Values] : parameter,
    );
    return (await db.executeQuery<Row>({ ...query, parameters })).rows;
  };
}
