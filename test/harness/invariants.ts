import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Client } from 'pg';
import { clientConfig, type DatabaseUrls } from '../../src/database/connections';
import { WriterConnection } from '../../src/database/writer-connection';
import { catchUp } from '../../src/engine/catch-up/catch-up';
import { readAmendedTasks } from '../../src/engine/catch-up/event-content';
import { ComparedTasks } from '../../src/engine/catch-up/task-comparison';
import { GENESIS, type Head } from '../../src/engine/define/event';
import type { Feature } from '../../src/engine/define/feature';
import { Registry } from '../../src/engine/define/registry';
import { lockState } from '../../src/engine/write/heads';
import { withClient } from './cluster';

/** What is checked: a pair of databases that no service uses. */
export interface CheckedBooks {
  /** As the role that owns them, or the superuser. */
  readonly urls: DatabaseUrls;
  readonly features: readonly Feature[];
}

const PAGE_EVENTS = 5_000;
const TIMEOUTS = { lockTimeoutMs: 5_000, statementTimeoutMs: 240_000 };

/**
 * Checks what must hold of any books at any time, with SQL and code that owe nothing to the engine
 * but the materializers that the rebuilt state comes from.
 * @throws Error naming the first thing that does not hold
 */
export async function checkInvariants(books: CheckedBooks): Promise<void> {
  const [log, state] = [connectionTo(books.urls.log), connectionTo(books.urls.state)];
  try {
    await Promise.all([log.connect(), state.connect()]);
    await expectNoRows(log, GAPS, 'positions have a gap');
    await expectNoRows(log, UNBALANCED_EVENTS, 'postings do not sum to zero');
    await expectNoRows(log, ORPHANED_EVENTS, 'an event is not of its command');
    await expectNoRows(log, BAD_COMMANDS, 'a command does not fit its events');
    await expectNoRows(state, UNBALANCED_ENTRIES, 'entries do not sum to zero');
    await expectNoRows(state, WRONG_TOTALS, 'a running total is wrong');
    await expectNoRows(state, WRONG_PENDING, 'what holds reserve is wrong');
    await expectNoRows(state, BROKEN_LIMITS, 'a balance is outside its limits');
    await expectNoRows(state, POSTED_INTO_CLOSED, 'something was posted into a closed period');
    const logHead = await checkHashChain(log.current);
    const { head } = await lockState(state);
    if (head.position !== logHead.position || head.hash !== logHead.hash) {
      throw new Error(`Log at ${JSON.stringify(logHead)}, state at ${JSON.stringify(head)}`);
    }
    await expectRebuiltAsItIs(books.features, log, state, logHead);
  } finally {
    // Nothing is committed: whatever was done to the state is undone.
    await Promise.all([log.close(), state.close()]);
  }
}

/** As the owner: what is checked is the books, and not who may do what. */
function connectionTo(url: string): WriterConnection {
  return new WriterConnection(clientConfig(url, undefined, TIMEOUTS));
}

const GAPS = `
  select count(*), max(position) from event_log
  having count(*) <> coalesce(max(position), 0)`;

const UNBALANCED_EVENTS = `
  select e.position, p.currency from event_log e,
    jsonb_to_recordset(e.data::jsonb -> 'postings')
      as p(direction text, amount numeric, currency text)
  where jsonb_typeof(e.data::jsonb -> 'postings') = 'array'
  group by e.position, p.currency
  having sum(case when p.direction = 'debit' then p.amount else -p.amount end) <> 0`;

const ORPHANED_EVENTS = `
  select e.position from event_log e left join command_log c using (command_id)
  where c.outcome is distinct from 'accepted'
    or e.position not between c.first_position and c.last_position`;

/** Refused commands have no events; accepted ones end where their last event is. */
const BAD_COMMANDS = `
  select c.command_id from command_log c
  where c.outcome = 'refused' and c.first_position is not null
    or c.first_position > c.last_position
    or c.last_position > (select coalesce(max(position), 0) from event_log)`;

const UNBALANCED_ENTRIES = `
  select e.position, a.currency from entries e join accounts a using (account_no)
  group by e.position, a.currency
  having sum(case when e.direction = 'debit' then e.amount else -e.amount end) <> 0`;

const WRONG_TOTALS = `
  select * from (
    select account_no, position, debits_after, credits_after, account_version,
      sum(amount) filter (where direction = 'debit') over account as debits,
      sum(amount) filter (where direction = 'credit') over account as credits,
      row_number() over account + 1 + (
        select count(*) from account_versions v
        where v.account_no = entries.account_no and v.position < entries.position
      ) + (
        select count(*) from hold_entries h
        where h.account_no = entries.account_no and h.position < entries.position
      ) as version
    from entries window account as (partition by account_no order by position, ordinal)
  ) e
  where debits_after <> coalesce(debits, 0) or credits_after <> coalesce(credits, 0)
    or account_version <> version`;

/** What open holds have left, and what the last event about one left reserved of each account. */
const WRONG_PENDING = `
  select * from (
    select a.account_id,
      coalesce(sum(p.amount - p.captured) filter (where p.direction = 'debit'), 0) as debits,
      coalesce(sum(p.amount - p.captured) filter (where p.direction = 'credit'), 0) as credits,
      count(distinct h.hold_id) filter (where h.expires_at is not null) as expiring,
      min(h.expires_at) as next_expiry, power(10::numeric, min(a.digits)) as unit
    from accounts a
    left join (
      holds h cross join lateral jsonb_to_recordset(h.postings)
        as p("accountId" uuid, direction text, amount numeric, captured numeric)
    ) on p."accountId" = a.account_id and h.status = 'held' and p.amount > p.captured
    group by a.account_id
  ) held
  join accounts a using (account_id)
  left join lateral (
    select * from hold_entries e where e.account_no = a.account_no
    order by position desc limit 1
  ) e on true
  where held.debits * unit <> coalesce(pending_debits_after, 0)
    or held.credits * unit <> coalesce(pending_credits_after, 0)
    or held.expiring <> coalesce(expiring_after, 0)
    or (expiring_after > 0) <> (next_expiry_after is not null)
    or next_expiry_after > held.next_expiry`;

/**
 * A transaction is one step: what counts is what is available after its last posting to an account,
 * and the limits that the account had then. A period is closed by several, which no hold stops.
 */
const BROKEN_LIMITS = `
  select * from (
    select distinct on (e.account_no, e.position)
      e.account_no, e.position,
      case when v.position is null then a.min_balance else v.min_balance end as min_balance,
      case when v.position is null then a.max_balance else v.max_balance end as max_balance,
      case when a.type in ('asset', 'expense') then debits_after - credits_after
        else credits_after - debits_after end as balance,
      coalesce(case when a.type in ('asset', 'expense') then h.pending_debits_after
        else h.pending_credits_after end, 0) as adds,
      coalesce(case when a.type in ('asset', 'expense') then h.pending_credits_after
        else h.pending_debits_after end, 0) as takes
    from entries e join accounts a using (account_no)
    left join lateral (
      select * from account_versions v
      where v.account_no = e.account_no and v.position > e.position
      order by v.position limit 1
    ) v on true
    left join lateral (
      select * from hold_entries h
      where h.account_no = e.account_no and h.position < e.position
      order by h.position desc limit 1
    ) h on true
    where not exists (
      select from transactions t join transaction_sources s using (transaction_id)
      where t.position = e.position and s.source_type = 'period_close'
    )
    order by e.account_no, e.position, e.ordinal desc
  ) e
  where balance - takes < min_balance or balance + adds > max_balance`;

/** A close is in force from its event to the one that opened the period again. */
const POSTED_INTO_CLOSED = `
  select t.position, c.close_no from transactions t join period_closes c
    on t.effective_date <= c.through_date and t.position > c.close_no
    and t.position < coalesce(c.reopened_position, t.position + 1)`;

async function expectNoRows(
  connection: WriterConnection,
  text: string,
  complaint: string,
): Promise<void> {
  const { rows } = await connection.current.query(`${text} limit 3`);
  if (rows.length === 0) return;
  const shown = JSON.stringify(rows, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v));
  throw new Error(`In the books ${complaint}: ${shown}`);
}

interface LoggedEvent {
  position: number;
  hash: Buffer;
  [column: string]: unknown;
}

/** Events as they were when they were appended: that is what was hashed. */
const HASHED = `
  select e.*, coalesce(b.version, e.version) as version, coalesce(b.data, e.data) as data
  from event_log e left join event_backup b on b.position = e.position and b.amendment = 1
  where e.position > $1 order by e.position limit $2`;

/** Computes every link again, from the stored rows. @returns the head of the log */
async function checkHashChain(log: Client): Promise<Head> {
  let head: Head = GENESIS;
  for (;;) {
    const { rows } = await log.query<LoggedEvent>(HASHED, [head.position, PAGE_EVENTS]);
    for (const row of rows) {
      const text = head.hash + canonicalize(hashedPart(row));
      const hash = createHash('sha256').update(text).digest('hex');
      if (hash !== row.hash.toString('hex')) {
        throw new Error(`The hash chain breaks at position ${row.position}`);
      }
      head = { position: row.position, hash };
    }
    if (rows.length < PAGE_EVENTS) return head;
  }
}

function hashedPart(row: LoggedEvent): object {
  return {
    position: row.position,
    eventId: row['event_id'],
    type: row['type'],
    version: row['version'],
    data: row['data'],
    commandId: row['command_id'],
    occurredAt: row['occurred_at'],
    recordedAt: row['recorded_at'],
    actor: row['actor'],
    correlationId: row['correlation_id'],
    causationId: row['causation_id'],
  };
}

/**
 * Empties the state inside the open transaction, rebuilds it there from the log, and compares every
 * row of every table. A database of its own for that would cost a test more than all the rest.
 * @throws Error with the first rows that differ
 */
async function expectRebuiltAsItIs(
  features: readonly Feature[],
  log: WriterConnection,
  state: WriterConnection,
  head: Head,
): Promise<void> {
  const live = await dumpTables(state.current);
  for (const table of live.keys()) {
    if (table !== 'event_log_state') await state.send(`delete from state.${table}`);
  }
  const registry = new Registry(features);
  const tasks = new ComparedTasks(registry.taskNames, await readAmendedTasks(log));
  await catchUp(registry, log, state, GENESIS, head, { tasks });
  const report = tasks.report();
  if (report.firstDifference !== null) {
    throw new Error(`A rebuild asks for other tasks: ${JSON.stringify(report)}`);
  }
  expectSameRows(live, await dumpTables(state.current));
}

function expectSameRows(live: Map<string, string[]>, rebuilt: Map<string, string[]>): void {
  for (const [table, liveRows] of live) {
    const rebuiltRows = rebuilt.get(table) ?? [];
    const at = liveRows.findIndex((row, i) => row !== rebuiltRows[i]);
    if (at === -1 && liveRows.length === rebuiltRows.length) continue;
    const place = at === -1 ? liveRows.length : at;
    throw new Error(
      `Table ${table}: live ${liveRows.length} rows, rebuilt ${rebuiltRows.length}; first ` +
        `difference:\n  live    ${liveRows[place]}\n  rebuilt ${rebuiltRows[place]}`,
    );
  }
}

/** What is compared of a table that has more than what history says; else all of it. */
const ROWS: Record<string, string> = {
  // How often a state was rebuilt is no part of what it was rebuilt to.
  event_log_state: '(t.position, t.hash, t.materializers_version)',
};

/** Every table of the state as text, its rows in the order of that text. */
export function dumpState(url: string): Promise<Map<string, string[]>> {
  return withClient(url, dumpTables);
}

async function dumpTables(client: Client): Promise<Map<string, string[]>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select tablename as name from pg_tables
     where schemaname = 'state' and tablename not like 'kysely%' order by 1`,
  );
  const dump = new Map<string, string[]>();
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(
      `select ${ROWS[name] ?? 't'}::text as row from state.${name} t order by 1`,
    );
    dump.set(
      name,
      rows.map((r) => r.row),
    );
  }
  return dump;
}
