import { sql, type Kysely } from 'kysely';
import { roleOf, ROLES, STATE_SCHEMA } from '../../database/connections';
import { GENESIS } from '../../engine/define/event';
import type { StateDatabase, StateTable } from '../../engine/define/state-table';

/** The schema that a replay or a verification builds; no other session ever sees it. */
export const NEXT_SCHEMA = 'state_next';
/** The state as it was before the last replay. */
export const PREVIOUS_SCHEMA = 'state_previous';

/** What a rebuild writes to and what it is made like. */
export interface ShadowIndex {
  readonly table: string;
  readonly name: string;
  /** A constraint's definition, or a whole CREATE INDEX. */
  readonly definition: string;
  readonly isConstraint: boolean;
}

/**
 * Makes a schema with the tables of the live one, empty and with the same columns, checks and
 * rights. What migrations have done is copied. Everything from now on in this transaction that
 * names a table without its schema means the new one.
 * @param url of the state
 * @param isThrownAway whether its rows are never committed: then they need no WAL
 * @returns the indexes that are still to be made: all but those that a session loads rows by, or
 *   adds them up by
 */
export async function createShadow(
  db: Kysely<StateDatabase>,
  url: string,
  schema: string,
  tables: readonly StateTable[],
  isThrownAway: boolean,
): Promise<ShadowIndex[]> {
  await sql`create schema ${sql.id(schema)}`.execute(db);
  const names = await tablesOf(db, STATE_SCHEMA);
  const create = sql.raw(isThrownAway ? 'create unlogged table' : 'create table');
  const makeTable = async (name: string) => {
    const [from, to] = [sql.id(STATE_SCHEMA, name), sql.id(schema, name)];
    await sql`${create} ${to} (like ${from} including all excluding indexes)`.execute(db);
    await copyOptions(db, name, schema);
  };
  const isMigrators = (name: string) => name.startsWith('kysely_');
  // The rights are on what is made after they were granted: the migrator's tables are its own.
  for (const name of names.filter(isMigrators)) await makeTable(name);
  await grantRights(db, url, schema);
  for (const name of names.filter((n) => !isMigrators(n))) await makeTable(name);
  await copyGrants(db, schema);
  // Also where the live one has lost its row.
  const { rebuilds } = await db
    .withSchema(STATE_SCHEMA)
    .selectFrom('event_log_state')
    .select((eb) => eb.fn.max('rebuilds').as('rebuilds'))
    .executeTakeFirstOrThrow();
  await db
    .withSchema(schema)
    .insertInto('event_log_state')
    .values({
      position: 0,
      hash: Buffer.from(GENESIS.hash, 'hex'),
      materializers_version: null,
      rebuilds: (rebuilds ?? 0) + 1,
    })
    .execute();
  for (const name of names.filter(isMigrators)) {
    // SQL as text: which tables these are, the database says.
    await sql`
      insert into ${sql.id(schema, name)}
      select * from ${sql.id(STATE_SCHEMA, name)}`.execute(db);
  }
  await sql`set local search_path = ${sql.id(schema)}, public`.execute(db);
  const indexes = await indexesOf(db, schema);
  const isNeeded = ({ table, definition }: ShadowIndex) => {
    const known = tables.find((t) => t.name === table);
    if (!known || known.kind === 'append') return !known;
    return isIndexOn(definition, known.kind === 'keyed' ? [known.key] : known.keys);
  };
  for (const index of indexes.filter(isNeeded)) await createIndex(db, schema, index);
  return indexes.filter((index) => !isNeeded(index));
}

/**
 * LIKE leaves out how full a table's pages are to be, and what else is said of its storage.
 * SQL as text: it asks catalogs, and which options these are the database says.
 */
async function copyOptions(db: Kysely<StateDatabase>, name: string, schema: string): Promise<void> {
  const { rows } = await sql<{ options: string }>`
    select string_agg(option_name || ' = ' || quote_literal(option_value), ', ') as options
    from pg_class c, pg_options_to_table(c.reloptions)
    where c.relname = ${name} and c.relnamespace = to_regnamespace(${STATE_SCHEMA})
    having count(*) > 0`.execute(db);
  for (const { options } of rows) {
    await sql`alter table ${sql.id(schema, name)} set (${sql.raw(options)})`.execute(db);
  }
}

/** Makes an index under the name that it has in the live schema. */
export async function createIndex(
  db: Kysely<StateDatabase>,
  schema: string,
  { table, name, definition, isConstraint }: ShadowIndex,
): Promise<void> {
  await (
    isConstraint
      ? sql`alter table ${sql.id(schema, table)} add constraint ${sql.id(name)}
          ${sql.raw(definition)}`
      : sql.raw(definition)
  ).execute(db);
}

/**
 * The tables of a schema of the state, those of the migrator included.
 * SQL as text: it is about PostgreSQL's own tables.
 */
export async function tablesOf(db: Kysely<StateDatabase>, schema: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_class c
    where c.relnamespace = to_regnamespace(${schema}) and c.relkind = 'r'
    order by 1`.execute(db);
  return rows.map((row) => row.name);
}

/** What the first migration of the state grants, so that every later table has it too. */
async function grantRights(db: Kysely<StateDatabase>, url: string, schema: string): Promise<void> {
  const [writer, reader] = [ROLES.stateWriter, ROLES.stateReader].map((role) =>
    sql.id(roleOf(url, role)),
  );
  const name = sql.id(schema);
  await sql`grant usage on schema ${name} to ${writer}, ${reader}`.execute(db);
  await sql`
    alter default privileges in schema ${name}
    grant select, insert, update, delete on tables to ${writer}`.execute(db);
  await sql`
    alter default privileges in schema ${name} grant select on tables to ${reader}`.execute(db);
}

/**
 * What else is granted on the live schema and its tables: there may be further readers.
 * SQL as text: it is about PostgreSQL's own tables.
 */
async function copyGrants(db: Kysely<StateDatabase>, schema: string): Promise<void> {
  const { rows } = await sql<{ statement: string }>`
    with granted as (
      select format('schema %I', ${schema}::text) as object, a.* from pg_namespace n
      cross join lateral aclexplode(n.nspacl) a
      where n.nspname = ${STATE_SCHEMA} and a.grantee <> n.nspowner
      union all
      select format('table %I.%I', ${schema}::text, c.relname), a.* from pg_class c
      cross join lateral aclexplode(c.relacl) a
      where c.relnamespace = to_regnamespace(${STATE_SCHEMA}) and c.relkind = 'r'
        and a.grantee <> c.relowner
    )
    select format('grant %s on %s to %s', privilege_type, object,
      case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
      as statement
    from granted`.execute(db);
  if (rows.length === 0) return;
  await sql.raw(rows.map(({ statement }) => statement).join('; ')).execute(db);
}

/**
 * The indexes of the live schema, defined for another one.
 * SQL as text: it is about PostgreSQL's own tables.
 */
async function indexesOf(db: Kysely<StateDatabase>, schema: string): Promise<ShadowIndex[]> {
  const { rows } = await sql<ShadowIndex>`
    select t.relname as table, i.relname as name, c.oid is not null as "isConstraint",
      coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.oid)) as definition
    from pg_class t
    join pg_index x on x.indrelid = t.oid
    join pg_class i on i.oid = x.indexrelid
    left join pg_constraint c on c.conindid = i.oid and c.conrelid = t.oid
    where t.relnamespace = to_regnamespace(${STATE_SCHEMA}) and t.relkind = 'r'
    order by i.relname`.execute(db);
  const [from, to] = [` ON ${STATE_SCHEMA}.`, ` ON ${schema}.`];
  return rows.map((row) => ({ ...row, definition: row.definition.replace(from, to) }));
}

/** Whether a definition is that of an index on exactly these columns, for all rows. */
function isIndexOn(definition: string, columns: readonly string[]): boolean {
  return definition.endsWith(`(${columns.join(', ')})`);
}
