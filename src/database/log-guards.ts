import { sql, type Kysely } from 'kysely';
import { roleOf, ROLES } from './connections';
import { loginOf } from './logins';

/** A trigger that keeps rows as they are, and what it calls. */
interface Guard {
  readonly table: string;
  readonly trigger: string;
  readonly calls: string;
}

/** What refuses to change what happened; every partition of the event log has those of its own. */
const GUARDS: readonly Guard[] = [
  ...['event_log_append_only', 'event_log_never_truncated'].map((trigger) => ({
    ...{ table: 'event_log', trigger, calls: 'refuse_event_log_change' },
  })),
  { table: 'task_log', trigger: 'task_log_append_only', calls: 'refuse_task_log_change' },
  {
    ...{ table: 'event_backup', trigger: 'event_backup_append_only' },
    calls: 'refuse_event_backup_change',
  },
];

/** Nobody but the owner of these has the right to change a row, and triggers stop the owner. */
const KEPT = ['event_log', 'command_log', 'event_types', 'task_log', 'event_backup'];
/** What somebody else may do with them: read, append, and lock. */
const ALLOWED = ['SELECT', 'INSERT', 'MAINTAIN'];
/** The columns of an event that an amendment may change, under the eyes of the trigger. */
const AMENDABLE = ['version', 'data'];

/** What the functions do, as the migrations made them: MD5 of their bodies. */
const BODIES: Readonly<Record<string, string>> = {
  refuse_event_log_change: '31f71452034a9a5e704df072ae194302',
  refuse_task_log_change: 'a58ae56e3c245e97d3521af54d8917e2',
  refuse_event_backup_change: '20783ed998ebfab66fd79a6328627b0c',
  add_event_log_partition: '8e2f64d6a0c49fc787fe6516bfb6972b',
};

/** What the catalogs of PostgreSQL say of the log. */
interface Found {
  readonly triggers: { table: string; trigger: string; calls: string; isAlways: boolean }[];
  readonly bodies: { name: string; digest: string }[];
  readonly owners: { table: string; owner: string; canBecome: string[] }[];
  readonly rights: { table: string; column: string | null; grantee: string; privilege: string }[];
  /** Of the event log; the bound as PostgreSQL writes it: FOR VALUES FROM ('1') TO ('10000001'). */
  readonly partitions: { table: string; bound: string }[];
}

/**
 * Looks whether everything that keeps the log as it was written is in its place: triggers that fire
 * always and do what the migrations made them do, rights, owners, and partitions without a gap.
 * @param db anybody's connection to the log: catalogs are open to all
 * @param url of the log
 * @returns a sentence for each that is not
 */
export async function missingGuards<DB>(db: Kysely<DB>, url: string): Promise<string[]> {
  const { rows } = await readCatalogs(url).execute(db);
  const found = rows[0]!;
  return [
    ...missingTriggers(found),
    ...changedBodies(found),
    ...tooManyRights(found, roleOf(url, ROLES.logAmender)),
    ...wrongOwners(found),
    ...missingPartitions(found),
  ];
}

function missingTriggers({ triggers, partitions }: Found): string[] {
  const [ofEvents, others] = [GUARDS.slice(0, 2), GUARDS.slice(2)];
  const wanted = [
    ...GUARDS.slice(0, 2),
    ...partitions.flatMap(({ table }) => ofEvents.map((guard) => ({ ...guard, table }))),
    ...others,
  ];
  return wanted.flatMap(({ table, trigger, calls }) => {
    const found = triggers.find((one) => one.table === table && one.trigger === trigger);
    if (!found) return [`the trigger ${trigger} of ${table} is missing`];
    if (found.calls !== calls) return [`the trigger ${trigger} of ${table} calls ${found.calls}`];
    return found.isAlways ? [] : [`the trigger ${trigger} of ${table} is not enabled always`];
  });
}

function changedBodies({ bodies }: Found): string[] {
  return Object.entries(BODIES).flatMap(([name, digest]) => {
    const found = bodies.find((one) => one.name === name);
    if (!found) return [`the function ${name} is missing`];
    return found.digest === digest ? [] : [`the function ${name} is not the one that was made`];
  });
}

function tooManyRights({ rights }: Found, amender: string): string[] {
  return rights.flatMap(({ table, column, grantee, privilege }) => {
    if (ALLOWED.includes(privilege)) return [];
    const isAmendment = grantee === amender && privilege === 'UPDATE';
    if (isAmendment && table === 'event_log' && AMENDABLE.includes(column ?? '')) return [];
    const what = column === null ? table : `${table}.${column}`;
    return [`${grantee} has the right to ${privilege} ${what}`];
  });
}

function wrongOwners({ owners }: Found): string[] {
  return owners.flatMap(({ table, owner, canBecome }) =>
    canBecome.map((role) => `${role} owns ${table}, or may become ${owner}, who does`),
  );
}

/** Partitions are made one behind the other, from position 1 on. */
function missingPartitions({ partitions }: Found): string[] {
  const bounds = partitions.map(({ table, bound }) => {
    const [from = NaN, to = NaN] = (bound.match(/\d+/g) ?? []).map(Number);
    return { table, from, to };
  });
  bounds.sort((one, other) => one.from - other.from);
  const missing: string[] = [];
  let next = 1;
  for (const { table, from, to } of bounds) {
    if (from !== next) missing.push(`event_log has no partition from ${next} up to ${table}`);
    next = to;
  }
  return bounds.length === 0 ? ['event_log has no partitions'] : missing;
}

const tables = sql.join(KEPT.map((table) => sql.lit(table)));
const functions = sql.join(Object.keys(BODIES).map((name) => sql.lit(name)));

/** SQL as text: it is about PostgreSQL's own tables, and rights have no words in the builder. */
function readCatalogs(url: string) {
  const names = [...Object.values(ROLES).map((role) => roleOf(url, role)), loginOf(url, 'log')];
  const roles = sql.join(names.map((name) => sql.lit(name)));
  return sql<Found>`
  with kept as (
    select c.oid, c.relname::text as name, c.relowner, c.relacl,
      pg_get_expr(c.relpartbound, c.oid) as bound
    from pg_class c
    where c.oid in (select to_regclass('public.' || name) from unnest(array[${tables}]) name)
      or c.oid in (
        select inhrelid from pg_inherits where inhparent = to_regclass('public.event_log'))
  ), rights as (
    select k.name, null as attribute, a.grantee, a.privilege_type, k.relowner
    from kept k, aclexplode(k.relacl) a
    union all
    select k.name, t.attname::text, a.grantee, a.privilege_type, k.relowner
    from kept k join pg_attribute t on t.attrelid = k.oid, aclexplode(t.attacl) a
  )
  select
    (select coalesce(json_agg(json_build_object('table', k.name, 'trigger', t.tgname,
        'calls', p.proname, 'isAlways', t.tgenabled = 'A')), '[]')
      from kept k join pg_trigger t on t.tgrelid = k.oid join pg_proc p on p.oid = t.tgfoid
    ) as triggers,
    (select coalesce(json_agg(json_build_object('name', p.proname, 'digest', md5(p.prosrc))), '[]')
      from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname in (${functions})
    ) as bodies,
    (select coalesce(json_agg(json_build_object('table', k.name,
        'owner', k.relowner::regrole::text, 'canBecome', array(
          select r.rolname::text from pg_roles r
          where r.rolname in (${roles}) and pg_has_role(r.oid, k.relowner, 'member')
          order by 1))), '[]')
      from kept k
    ) as owners,
    (select coalesce(json_agg(json_build_object('table', r.name, 'column', r.attribute,
        'grantee', case r.grantee when 0 then 'everybody' else r.grantee::regrole::text end,
        'privilege', r.privilege_type)), '[]')
      from rights r where r.grantee <> r.relowner
    ) as rights,
    (select coalesce(json_agg(json_build_object('table', k.name, 'bound', k.bound)), '[]')
      from kept k where k.bound is not null
    ) as partitions`;
}
