import { createHash } from 'node:crypto';
import { escapeIdentifier, escapeLiteral, type Client } from 'pg';
import {
  inTransaction,
  installationOf,
  ofInstallation,
  roleOf,
  ROLES,
  STATE_SCHEMA,
  withSession,
  type DatabaseUrls,
  type Role,
} from './connections';
import { isError } from './errors';
import { checkCannotOwn, LoginError, SCHEMAS_OF, type Side } from './owner-check';
import { scramVerifier } from './scram';
import { deriveSecret } from './secret-file';
import { SQLSTATE, sqlstateOf } from './sqlstates';

/** The roles that work on each database. */
const ROLES_OF: Readonly<Record<Side, readonly Role[]>> = {
  log: [
    ROLES.logWriter,
    ROLES.logReader,
    ROLES.logReplayer,
    ROLES.logAmender,
    ROLES.taskWorker,
    ROLES.runRecorder,
  ],
  state: [ROLES.stateWriter, ROLES.stateReader, ROLES.stateReplayer],
};
/** By whose rights a database shows to which installation it belongs. */
const KNOWN_BY = { log: ROLES.logWriter, state: ROLES.stateWriter } as const;
/** What is left of a name of 63 bytes beside the longest purpose. */
const MAX_INSTALLATION = 40;
/** Other databases of the cluster make the same roles at the same moment. */
const MAX_TRIES = 10;
const NO_ENTRY = ['28P01', '28000'];

/** What the login of a service is called, where it is made. */
export function loginOf(url: string, side: Side): string {
  return `${installationOf(url)}_${side}_service`;
}

/**
 * {@link withInstallation} of both databases: a state that is new, or was lost, belongs to that of
 * its log. Whoever asks finds the same, also while somebody else migrates them.
 */
export async function withInstallations({ log, state }: DatabaseUrls): Promise<DatabaseUrls> {
  const ofLog = await withInstallation(log, 'log');
  return { log: ofLog, state: await withInstallation(state, 'state', installationOf(ofLog)) };
}

/**
 * Finds which installation a database belongs to: the one whose roles have rights in it. A new one
 * belongs to the first installation of its cluster where no other database uses those roles, and
 * else to one that is named after it.
 * @param preferred the one that a new one belongs to, where its owner may become those roles
 * @returns the URL, which says so from then on
 */
export function withInstallation(url: string, side: Side, preferred?: string): Promise<string> {
  if (isSaid(url)) return Promise.resolve(url);
  return withSession(url, async (client) => {
    const found = await installationIn(client, side);
    return ofInstallation(url, found ?? (await freeInstallation(client, side, preferred)));
  });
}

function isSaid(url: string): boolean {
  return new URL(url).searchParams.has('installation');
}

/** SQL as text: it is about PostgreSQL's own tables. */
async function installationIn(client: Client, side: Side): Promise<string | undefined> {
  const suffix = KNOWN_BY[side].replace('truebook', '');
  const rights = {
    log: `select relacl from pg_class where oid = to_regclass('public.event_log')`,
    state: `select nspacl from pg_namespace where nspname = '${STATE_SCHEMA}'`,
  }[side];
  const { rows } = await client.query<{ name: string }>(
    `select pg_get_userbyid(grantee) as name
     from (${rights}) as rights(acl), aclexplode(acl)
     where pg_get_userbyid(grantee) like $1`,
    [`%${suffix.replaceAll('_', String.raw`\_`)}`],
  );
  return rows[0]?.name.slice(0, -suffix.length);
}

async function freeInstallation(client: Client, side: Side, preferred?: string): Promise<string> {
  if (preferred !== undefined && (await mayBecome(client, preferred, side))) return preferred;
  const name = (client.database ?? '').toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
  const own = `db_${name}`.slice(0, MAX_INSTALLATION - 9);
  const digest = createHash('sha256').update(`${client.database}`).digest('hex').slice(0, 8);
  for (const candidate of ['truebook', own]) {
    const isFree = !(await isUsedElsewhere(client, candidate, side));
    if (isFree && (await mayBecome(client, candidate, side))) return candidate;
  }
  return `${own}_${digest}`;
}

function rolesOf(installation: string, side: Side): string[] {
  return ROLES_OF[side].map((role) => role.replace('truebook', installation));
}

/**
 * Whether this owner may use the roles of an installation that are there.
 * SQL as text: it is about PostgreSQL's own tables.
 */
async function mayBecome(client: Client, installation: string, side: Side): Promise<boolean> {
  const { rowCount } = await client.query(
    "select from pg_roles where rolname = any($1) and not pg_has_role(oid, 'set')",
    [rolesOf(installation, side)],
  );
  return rowCount === 0;
}

/**
 * Whether other databases depend on an installation's roles.
 * SQL as text: it is about PostgreSQL's own tables.
 */
async function isUsedElsewhere(client: Client, installation: string, side: Side): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_roles r
     join pg_shdepend d on d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid
     where r.rolname = any($1) and d.dbid <> 0
       and d.dbid <> (select oid from pg_database where datname = current_database())
     limit 1`,
    [rolesOf(installation, side)],
  );
  return rowCount !== 0;
}

/**
 * Makes the roles that work on a database, where they are missing, and lets its owner become them.
 * As the owner, before the migrations, which give them their rights.
 */
export function makeRoles(owner: string, side: Side): Promise<void> {
  return withSession(owner, async (client) => {
    for (const role of ROLES_OF[side]) await makeRole(client, roleOf(owner, role));
    if (side === 'state') await giveState(client, owner);
  });
}

/** SQL as text: the builder has no word for roles, which stand in PostgreSQL's own tables. */
async function makeRole(client: Client, name: string): Promise<void> {
  // At once: a role that is there and not yet to be had would look like another installation's.
  await again(() =>
    inTransaction(client, async () => {
      if (!(await isRole(client, name))) await client.query(`create role ${id(name)} nologin`);
      const { rows } = await client.query<{ has: boolean }>(
        `select pg_has_role($1::name, 'set') as has`,
        [name],
      );
      if (rows[0]!.has) return;
      await client.query(`grant ${id(name)} to current_user with set true, inherit false`);
    }),
  );
}

/** SQL as text: it is about PostgreSQL's own tables. */
async function isRole(client: Client, name: string): Promise<boolean> {
  return (await client.query('select from pg_roles where rolname = $1', [name])).rowCount === 1;
}

/**
 * The state belongs to the role that rebuilds it, which may make schemas and owns those that are
 * there. The database's owner has all that it may.
 * SQL as text: the builder has no word for owners and grants, in PostgreSQL's own tables.
 */
async function giveState(client: Client, owner: string): Promise<void> {
  const [replayer, writer, reader] = [
    ROLES.stateReplayer,
    ROLES.stateWriter,
    ROLES.stateReader,
  ].map((role) => roleOf(owner, role)) as [string, string, string];
  await again(async () => {
    const { rows } = await client.query<{ inherits: boolean; makes: boolean; becomes: boolean }>(
      `select pg_has_role($1::name, 'usage') as inherits,
         has_database_privilege($1, current_database(), 'create') as makes,
         pg_has_role($1::name, $2::name, 'set') and pg_has_role($1::name, $3::name, 'set')
           as becomes`,
      [replayer, writer, reader],
    );
    const { inherits, makes, becomes } = rows[0]!;
    if (!inherits) {
      await client.query(`grant ${id(replayer)} to current_user with set true, inherit true`);
    }
    if (!makes) {
      await client.query(`grant create on database ${id(client.database!)} to ${id(replayer)}`);
    }
    if (!becomes) {
      // Migrations look whether whoever runs them may become these.
      const others = `${id(writer)}, ${id(reader)}`;
      await client.query(`grant ${others} to ${id(replayer)} with set true, inherit false`);
    }
  });
  await handOver(client, replayer, { writer, reader });
}

/**
 * What an earlier version has left with the owner: schemas first, which makes their new owner one
 * who may have tables there.
 * SQL as text: the owners of schemas and tables stand in PostgreSQL's own tables.
 */
async function handOver(
  client: Client,
  replayer: string,
  { writer, reader }: { readonly writer: string; readonly reader: string },
): Promise<void> {
  const { rows } = await client.query<{ schema: string; statement: string }>(
    `with own as (
       select oid, nspname, nspowner from pg_namespace
       where nspname ~ '${SCHEMAS_OF.state}' and nspowner <> $1::regrole
     ), schemas as (
       select nspname as schema, format('alter schema %I owner to %I', nspname, $2::text)
         as statement from own
     ), tables as (
       select n.nspname as schema, format('alter table %s owner to %I', c.oid::regclass, $2::text)
         as statement
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname ~ '${SCHEMAS_OF.state}' and c.relkind in ('r', 'p')
         and c.relowner <> $1::regrole
     )
     select * from schemas union all select * from tables`,
    [id(replayer), replayer],
  );
  if (rows.length === 0) return;
  const defaults = [...new Set(rows.map(({ schema }) => schema))].map(
    (schema) => `alter default privileges for role ${id(replayer)} in schema ${id(schema)} grant`,
  );
  await inTransaction(client, async () => {
    for (const { statement } of rows) await client.query(statement);
    for (const grant of defaults) {
      await client.query(`${grant} select, insert, update, delete on tables to ${id(writer)}`);
      await client.query(`${grant} select on tables to ${id(reader)}`);
    }
  });
}

/**
 * Makes the login of a service where there is none: it owns nothing, and can become the roles that
 * work on the database and nobody else. As the owner.
 *
 * @param owner URL of the database as its owner, {@link withInstallation}
 * @param named URL of the login where its name and password are chosen; else its password is made
 *   from the owner's, so that every process makes the same one, and keeps that alone
 * @returns the URL that the service works with
 * @throws LoginError where it could become the owner, or is not let in
 * SQL as text: logins stand in PostgreSQL's own tables.
 */
export function makeLogin(owner: string, side: Side, named?: string): Promise<string> {
  return withSession(owner, async (client) => {
    const url = ofInstallation(named ?? derivedUrl(client, owner, side), installationOf(owner));
    const { username, password } = credentialsOf(url);
    await again(async () => {
      if (!(await isRole(client, username))) {
        const secret = password === '' ? '' : `password ${escapeLiteral(scramVerifier(password))}`;
        await client.query(`create role ${id(username)} login noinherit ${secret}`);
      }
      for (const role of ROLES_OF[side]) await letBecome(client, username, roleOf(owner, role));
    });
    await checkCannotOwn(client, url, side, username);
    const refused = await refusalOf(url);
    if (refused !== undefined && named === undefined && password !== '') {
      // The owner's password is another one than when the login was made.
      const verifier = escapeLiteral(scramVerifier(password));
      await again(() => client.query(`alter role ${id(username)} password ${verifier}`));
    }
    const still = refused === undefined ? undefined : await refusalOf(url);
    if (still === undefined) return url;
    const variable = `${side.toUpperCase()}_SERVICE_URL`;
    throw new LoginError(
      `The ${side} database does not let ${username} in (${still}): ` +
        `set ${variable} to a login that may connect`,
    );
  });
}

function derivedUrl(client: Client, owner: string, side: Side): string {
  const url = new URL(owner);
  for (const name of ['user', 'password']) url.searchParams.delete(name);
  url.username = loginOf(owner, side);
  // Where the owner needs none (trust, a certificate), no other login does.
  const { password } = client as { password?: unknown };
  const isKnown = typeof password === 'string' && password !== '';
  url.password = isKnown ? deriveSecret(password, `truebook ${side} service`) : '';
  return url.href;
}

function credentialsOf(url: string): { username: string; password: string } {
  const { username, password, searchParams } = new URL(url);
  return {
    username: searchParams.get('user') ?? decodeURIComponent(username),
    password: searchParams.get('password') ?? decodeURIComponent(password),
  };
}

/** SQL as text: the builder has no word for grants, which stand in PostgreSQL's own tables. */
async function letBecome(client: Client, login: string, role: string): Promise<void> {
  const { rows } = await client.query<{ has: boolean }>(
    `select pg_has_role($1::name, $2::name, 'set') as has`,
    [login, role],
  );
  if (rows[0]!.has) return;
  await client.query(`grant ${id(role)} to ${id(login)} with set true, inherit false`);
}

/** Why a login is not let in; undefined where it is. */
async function refusalOf(url: string): Promise<string | undefined> {
  try {
    await withSession(url, () => Promise.resolve());
    return undefined;
  } catch (error) {
    if (!NO_ENTRY.includes(sqlstateOf(error) ?? '') && !isPasswordMissing(error)) throw error;
    return (error as Error).message;
  }
}

function isPasswordMissing(error: unknown): boolean {
  return isError(error) && error.message.includes('password must be a');
}

/** Roles belong to the cluster: another database's owner may do the same at the same moment. */
async function again(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return void (await work());
    } catch (error) {
      const state = sqlstateOf(error);
      const isRace =
        state === SQLSTATE.duplicateObject ||
        state === SQLSTATE.uniqueViolation ||
        (isError(error) && error.message.includes('concurrently'));
      if (!isRace || tries >= MAX_TRIES) throw error;
    }
  }
}

function id(name: string): string {
  return escapeIdentifier(name);
}
