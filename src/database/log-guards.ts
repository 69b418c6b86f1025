import type { Kysely } from 'kysely';
import { roleOf, ROLES } from './connections';
import { readCatalogs, type Found } from './log-catalogs';
import { loginOf } from './logins';

/** A trigger that keeps rows as they are. */
interface Guard {
  readonly table: string;
  readonly trigger: string;
  /** When it does, as PostgreSQL writes it, without the table. */
  readonly fires: string;
  readonly calls: string;
}

/** Every partition of the event log has those of its own. */
const OF_EVENTS: readonly Guard[] = [
  {
    table: 'event_log',
    trigger: 'event_log_append_only',
    fires: 'BEFORE DELETE OR UPDATE FOR EACH ROW',
    calls: 'public.refuse_event_log_change',
  },
  {
    table: 'event_log',
    trigger: 'event_log_never_truncated',
    fires: 'BEFORE TRUNCATE FOR EACH STATEMENT',
    calls: 'public.refuse_event_log_change',
  },
];
/** What refuses to change what happened, beside events. */
const OF_OTHERS: readonly Guard[] = ['task_log', 'event_backup'].map((table) => ({
  table,
  trigger: `${table}_append_only`,
  fires: 'BEFORE DELETE OR UPDATE OR TRUNCATE FOR EACH STATEMENT',
  calls: `public.refuse_${table}_change`,
}));

/**
 * Nobody but the owner of these has the right to change a row. Triggers stop the owner, too, at
 * events, tasks and backups; commands and the list of types he could change.
 */
const KEPT = ['event_log', 'command_log', 'event_types', 'task_log', 'event_backup'];
/** What somebody else may do with them: read, append, and lock. */
const ALLOWED = ['SELECT', 'INSERT', 'MAINTAIN'];
/** What only the owner writes, and everybody else may at most read. */
const OWNED = ['api_keys', 'accepted_times', 'event_log_partitions', 'kysely_migration'];
/** The columns of an event that an amendment may change, under the eyes of the trigger. */
const AMENDABLE = ['version', 'data'];

const NOT_OURS = 'was not made by the migrations';

/** What a function is, as the migrations made them. */
interface Made {
  /** MD5 of the body. */
  readonly digest: string;
  /** Whether it runs as its owner, and with which settings. */
  readonly isDefiner: boolean;
  readonly settings: string;
}

const REFUSING = { isDefiner: false, settings: '' };
/** With the types of their arguments: a function of the same name may take others. */
const FUNCTIONS: Readonly<Record<string, Made>> = {
  'refuse_event_log_change()': { ...REFUSING, digest: '31f71452034a9a5e704df072ae194302' },
  'refuse_task_log_change()': { ...REFUSING, digest: 'a58ae56e3c245e97d3521af54d8917e2' },
  'refuse_event_backup_change()': { ...REFUSING, digest: '20783ed998ebfab66fd79a6328627b0c' },
  'add_event_log_partition(bigint)': {
    digest: '8e2f64d6a0c49fc787fe6516bfb6972b',
    isDefiner: true,
    settings: 'search_path=pg_catalog, public, pg_temp',
  },
};

/**
 * Looks whether everything that keeps the log as it was written is in its place: triggers that fire
 * always and do what the migrations made them do, nothing that comes before them, rights, owners,
 * and partitions without a gap.
 * @param db anybody's connection to the log: catalogs are open to all
 * @param url of the log
 * @returns a sentence for each that is not
 */
export async function missingGuards<DB>(db: Kysely<DB>, url: string): Promise<string[]> {
  const roles = [...Object.values(ROLES).map((role) => roleOf(url, role)), loginOf(url, 'log')];
  const functions = Object.keys(FUNCTIONS);
  const catalogs = readCatalogs({ tables: [...KEPT, ...OWNED], functions, roles });
  const found = (await catalogs.execute(db)).rows[0]!;
  return [
    ...changedTriggers(found),
    ...strangeRules(found),
    ...changedFunctions(found),
    ...tooManyRights(found, roleOf(url, ROLES.logAmender)),
    ...wrongOwners(found),
    ...missingPartitions(found),
  ];
}

function changedTriggers({ triggers, partitions }: Found): string[] {
  const ofPartitions = partitions.flatMap(({ table }) =>
    OF_EVENTS.map((guard) => ({ ...guard, table })),
  );
  const wanted = [...OF_EVENTS, ...ofPartitions, ...OF_OTHERS];
  const isWanted = (one: Found['triggers'][number]) =>
    wanted.some(({ table, trigger }) => table === one.table && trigger === one.trigger);
  const strange = triggers.filter((one) => !isWanted(one));
  return [
    ...wanted.flatMap((guard) => changesOf(guard, triggers)),
    ...strange.map(({ table, trigger }) => `the trigger ${trigger} of ${table} ${NOT_OURS}`),
  ];
}

function changesOf({ table, trigger, fires, calls }: Guard, all: Found['triggers']): string[] {
  const found = all.find((one) => one.table === table && one.trigger === trigger);
  const named = `the trigger ${trigger} of ${table}`;
  if (!found) return [`${named} is missing`];
  if (found.calls !== calls) return [`${named} calls ${found.calls}`];
  const made = `CREATE TRIGGER ${trigger} ${fires}`;
  if (found.definition !== made) return [`${named} is not the one that was made`];
  return found.isAlways ? [] : [`${named} is not enabled always`];
}

/** What keeps a statement from the rows that it names, before any trigger sees it. */
function strangeRules({ rules, secured }: Found): string[] {
  return [
    ...rules.map(({ table, rule }) => `the rule ${rule} of ${table} ${NOT_OURS}`),
    ...secured.map((table) => `row security of ${table} is enabled`),
  ];
}

function changedFunctions({ functions }: Found): string[] {
  return Object.entries(FUNCTIONS).flatMap(([signature, made]) => {
    const found = functions.find((one) => one.signature === signature);
    const named = `the function ${signature.replace(/\(.*/, '')}`;
    if (!found) return [`${named} is missing`];
    if (found.owner !== null) return [`${named} belongs to ${found.owner}, not to the log's owner`];
    const { digest, isDefiner, settings } = made;
    const isMade =
      found.digest === digest && found.isDefiner === isDefiner && found.settings === settings;
    return isMade ? [] : [`${named} is not the one that was made`];
  });
}

function tooManyRights({ rights }: Found, amender: string): string[] {
  return rights.flatMap(({ table, column, grantee, privilege }) => {
    const allowed = OWNED.includes(table) ? ['SELECT'] : ALLOWED;
    if (allowed.includes(privilege)) return [];
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
