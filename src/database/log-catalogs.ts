import { sql } from 'kysely';

/** What PostgreSQL's catalogs say of the log. A table without a schema is in `public`. */
export interface Found {
  readonly triggers: {
    readonly table: string;
    readonly trigger: string;
    /** As PostgreSQL writes it, without the table and the function. */
    readonly definition: string;
    /** The function with its schema. */
    readonly calls: string;
    readonly isAlways: boolean;
  }[];
  readonly rules: { table: string; rule: string }[];
  /** The tables with row security. */
  readonly secured: string[];
  readonly functions: {
    readonly signature: string;
    readonly digest: string;
    readonly isDefiner: boolean;
    readonly settings: string;
    /** Null where it is that of the event log. */
    readonly owner: string | null;
  }[];
  readonly owners: { table: string; owner: string; canBecome: string[] }[];
  readonly rights: { table: string; column: string | null; grantee: string; privilege: string }[];
  /** Of the event log; the bound as PostgreSQL writes it: FOR VALUES FROM ('1') TO ('10000001'). */
  readonly partitions: { table: string; bound: string }[];
}

/** What is asked about. */
interface Asked {
  /** Beside these, the partitions of the event log. */
  readonly tables: readonly string[];
  /** With the types of their arguments. */
  readonly functions: readonly string[];
  /** Whether these may become the owner of a table. */
  readonly roles: readonly string[];
}

const list = (names: readonly string[]) => sql.join(names.map((name) => sql.lit(name)));

/**
 * Everything of the catalogs in one query, which grows with the partitions and not with the events.
 * SQL as text: it is about PostgreSQL's own tables, and rights have no words in the builder.
 */
export function readCatalogs({ tables, functions, roles }: Asked) {
  return sql<Found>`
  with kept as (
    select c.oid, c.relowner, c.relacl, c.relrowsecurity or c.relforcerowsecurity as is_secured,
      case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname as name,
      format('%I.%I', n.nspname, c.relname) as place,
      pg_get_expr(c.relpartbound, c.oid) as bound
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid in (select to_regclass('public.' || name) from unnest(array[${list(tables)}]) name)
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
        'definition', replace(split_part(pg_get_triggerdef(t.oid), ' EXECUTE FUNCTION ', 1),
          ' ON ' || k.place || ' ', ' '),
        'calls', n.nspname || '.' || p.proname, 'isAlways', t.tgenabled = 'A')), '[]')
      from kept k join pg_trigger t on t.tgrelid = k.oid and not t.tgisinternal
      join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
    ) as triggers,
    (select coalesce(json_agg(json_build_object('table', k.name, 'rule', r.rulename)), '[]')
      from kept k join pg_rewrite r on r.ev_class = k.oid
    ) as rules,
    (select coalesce(json_agg(k.name), '[]') from kept k where k.is_secured) as secured,
    (select coalesce(json_agg(json_build_object('signature', f.name,
        'digest', case l.lanname when 'plpgsql' then md5(p.prosrc) else l.lanname end,
        'isDefiner', p.prosecdef,
        'settings', coalesce(array_to_string(p.proconfig, '; '), ''),
        'owner', case when p.proowner <> k.relowner then p.proowner::regrole::text end)), '[]')
      from unnest(array[${list(functions)}]) f(name)
      join pg_proc p on p.oid = to_regprocedure('public.' || f.name)
      join pg_language l on l.oid = p.prolang
      join kept k on k.oid = to_regclass('public.event_log')
    ) as functions,
    (select coalesce(json_agg(json_build_object('table', k.name,
        'owner', k.relowner::regrole::text, 'canBecome', array(
          select r.rolname::text from pg_roles r
          where r.rolname in (${list(roles)}) and pg_has_role(r.oid, k.relowner, 'member')
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
