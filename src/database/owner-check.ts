import type { Client } from 'pg';
import { roleOf, ROLES, STATE_SCHEMA, withSession, type DatabaseUrls } from './connections';

/** One of the two databases. */
export type Side = 'log' | 'state';

/** The login of a service cannot be what it must be; `message` is a sentence that says why. */
export class LoginError extends Error {
  override readonly name = 'LoginError';
}

/** The schemas of each database that hold its books, as a regular expression. */
export const SCHEMAS_OF: Readonly<Record<Side, string>> = {
  log: '^public$',
  state: `^${STATE_SCHEMA}(_|$)`,
};

/**
 * Looks at whom a service logs in as, wherever its URLs come from.
 * @param services URLs of both databases, {@link withInstallations}
 * @throws LoginError where one of the logins could become an owner
 */
export async function checkLogins(services: DatabaseUrls): Promise<void> {
  for (const side of ['log', 'state'] as const) {
    const url = services[side];
    await withSession(url, (client) => checkCannotOwn(client, url, side));
  }
}

/**
 * A superuser owns everything, and whoever owns a table may drop what guards it. The state is the
 * exception: it belongs to the role that rebuilds it, which a service may become.
 * SQL as text: it is about PostgreSQL's own tables.
 * @param login who is asked about; whoever the session began as where it is not said
 */
export async function checkCannotOwn(
  client: Client,
  url: string,
  side: Side,
  login?: string,
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `with owners as (
       select oid from pg_roles where rolsuper
       union select datdba from pg_database where datname = current_database()
       union select c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p') and n.nspname ~ $3
       union select nspowner from pg_namespace where nspname ~ $3
     )
     select r.rolname as name from pg_roles r
     where r.rolname = coalesce($1, session_user) and exists (
       select from owners o left join pg_roles replayer on replayer.rolname = $2
       where o.oid is distinct from replayer.oid and pg_has_role(r.oid, o.oid, 'member'))`,
    [login, side === 'state' ? roleOf(url, ROLES.stateReplayer) : undefined, SCHEMAS_OF[side]],
  );
  if (rows.length === 0) return;
  throw new LoginError(
    `${rows[0]!.name} owns the ${side} database, or may become its owner: ` +
      `${side.toUpperCase()}_SERVICE_URL must name a login that cannot`,
  );
}
