import { kyselyOn } from '../database/connections';
import { isRowRefused, sqlstateOf } from '../database/sqlstates';
import type { WriterConnection } from '../database/writer-connection';
import type { Head, LedgerEvent } from './event';
import { readEventPage, type EventPage } from './event-pages';
import { encodeChanges, send } from './flush';
import type { AppendedEvent } from './event-log';
import { canonicalEvent, canonicalJson, chainHash } from './hash-chain';
import { sendStateHead } from './heads';
import type { MaterializationScope, Registry } from './registry';
import { loadRowsFrom } from './row-loader';
import type { LoadRows } from './session-table';
import { StateSession } from './state-session';
import { ComparedTasks, type TaskReport } from './task-comparison';

/** Events that are read, materialized and flushed together. */
const PAGE_EVENTS = 500;
/** Pages that are asked for before they are needed. */
const PAGES_AHEAD = 3;

export interface CatchUpOptions {
  /** Events in a page; default {@link PAGE_EVENTS}. */
  readonly pageEvents?: number;
  /** Told after every page. */
  readonly onProgress?: (position: number) => void;
  /** Whether each page is committed and the transaction begun anew; else it stays one. */
  readonly commitPages?: boolean;
  /** Whether every event's hash is computed again. */
  readonly verifyChain?: boolean;
  /** Awaited before rows are looked for by more than their table's key. */
  readonly beforeQuery?: () => Promise<void>;
  /** The gateway that materializers ask; default one that compares and records nothing. */
  readonly tasks?: ComparedTasks;
}

/** How far a catch-up came, and how the tasks of its events compare with the recorded ones. */
export interface CaughtUp {
  readonly head: Head;
  readonly tasks: TaskReport;
}

/** An event that its materializer cannot apply: an Event of Doom. The state stays as it was. */
export class EventOfDoom extends Error {
  override readonly name = 'EventOfDoom';

  constructor(
    readonly position: number,
    readonly eventId: string,
    readonly type: string,
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Event ${position} (${type}, ${eventId}) cannot be materialized: ${reason}`, { cause });
  }
}

/** A constraint refused what some event of a page wrote. */
export class PageRefused extends Error {
  override readonly name = 'PageRefused';

  /** @param before the head before the page */
  constructor(
    readonly before: Head,
    cause: Error,
  ) {
    const message = `An event after position ${before.position} cannot be materialized`;
    super(`${message}: ${cause.message}`, { cause });
  }
}

/** An event of the log is not the one that was hashed when it was appended. */
export class ChainBroken extends Error {
  override readonly name = 'ChainBroken';

  constructor(readonly position: number) {
    super(`The hash of event ${position} does not fit the event and the hash before it`);
  }
}

/**
 * Materializes the part of the log that the state lacks, with the same materializers and the same
 * session as a live write. The caller holds both locks. The next page is read while the last one
 * is flushed, and memory does not grow with the length of the tail.
 * @returns the head of the state afterwards, which is `to`, and what came of the tasks
 * @throws EventOfDoom, PageRefused, ChainBroken
 */
export async function catchUp(
  registry: Registry,
  log: WriterConnection,
  state: WriterConnection,
  from: Head,
  to: Head,
  options: CatchUpOptions = {},
): Promise<CaughtUp> {
  const session = sessionOn(registry, state, from, options);
  const tasks = options.tasks ?? new ComparedTasks(registry.taskNames);
  const scope: MaterializationScope = { state: session, tasks };
  const pages = readAhead(log, from.position, to.position, options.pageEvents ?? PAGE_EVENTS);
  let flushed: Promise<unknown> = Promise.resolve();
  for (let page = await pages.next(); page; page = await pages.next()) {
    const before = session.head;
    session.batch++;
    tasks.expect(page.tasks);
    try {
      for (const stored of page.events) {
        if (options.verifyChain) verifyLink(session.head, stored);
        session.head = { position: stored.position, hash: stored.hash };
        await materialize(registry, scope, state, stored);
      }
    } catch (error) {
      // Where the rows of the page before were refused, that is the cause of this failure too.
      await flushed;
      throw error;
    }
    await flushed;
    const sent = send(state, encodeChanges(session.takeChanges()));
    sent.push(sendStateHead(state, session.head, registry.materializersVersion));
    flushed = answered(sent, before, page.events);
    flushed.catch(() => undefined);
    if (options.commitPages) {
      await flushed;
      await state.commit();
      void state.send('begin');
      void state.send('lock table event_log_state in exclusive mode');
    }
    session.committed(session.batch);
    options.onProgress?.(session.head.position);
  }
  await flushed;
  return { head: session.head, tasks: tasks.report() };
}

/** Waits for what a page's rows were answered with. @throws EventOfDoom, PageRefused */
async function answered(
  sent: readonly Promise<unknown>[],
  before: Head,
  page: readonly LedgerEvent[],
): Promise<void> {
  const answers = await Promise.allSettled(sent);
  const errors = answers.flatMap((a) => (a.status === 'rejected' ? [a.reason as Error] : []));
  // A row that was refused is the cause; that later statements were refused too is its effect.
  const refused = errors.find(isRowRefused);
  if (!refused) {
    if (errors.length > 0) throw errors[0]!;
    return;
  }
  if (page.length > 1) throw new PageRefused(before, refused);
  const { position, eventId, type } = page[0]!;
  throw new EventOfDoom(position, eventId, type, refused);
}

/** Pages of the log in order, the next ones already asked for; an empty one is the end. */
function readAhead(log: WriterConnection, from: number, to: number, pageEvents: number) {
  let asked = from;
  const ahead: Promise<EventPage>[] = [];
  const ask = () => {
    if (asked >= to) return;
    // Positions have no gaps, so that a page is known before the one before it was read.
    const upTo = Math.min(asked + pageEvents, to);
    const page = readEventPage(log, asked, upTo);
    page.catch(() => undefined);
    ahead.push(page);
    asked = upTo;
  };
  for (let i = 0; i < PAGES_AHEAD; i++) ask();
  const next = async (): Promise<EventPage | undefined> => {
    // Lets what the databases sent and wait for pass; awaiting settled promises alone would not.
    await new Promise(setImmediate);
    const page = await ahead.shift();
    ask();
    return page && page.events.length > 0 ? page : undefined;
  };
  return { next };
}

/** A session that reads and writes inside the locked transaction. */
function sessionOn(
  registry: Registry,
  state: WriterConnection,
  from: Head,
  { beforeQuery }: CatchUpOptions,
): StateSession {
  const plain = loadRowsFrom(stateDb(state));
  const load: LoadRows = async (table, column, values) => {
    if (table.source !== undefined || column !== table.key) await beforeQuery?.();
    return plain(table, column, values);
  };
  const session = new StateSession(registry.tables, from, load);
  const queries = lockedQueries(session, state);
  const flush = async () => {
    await beforeQuery?.();
    await queries.flush();
  };
  session.locked = { ...queries, flush };
  session.hasSavepoint = true;
  return session;
}

/** @throws ChainBroken */
function verifyLink(before: Head, event: AppendedEvent): void {
  const fits = (data: string) => chainHash(before.hash, canonicalEvent(event, data)) === event.hash;
  // The log keeps the text that was hashed. Written otherwise it may still be the same event.
  if (event.position === before.position + 1) {
    if (fits(event.canonicalData) || fits(canonicalJson(event.data))) return;
  }
  throw new ChainBroken(before.position + 1);
}

/** @throws EventOfDoom */
async function materialize(
  registry: Registry,
  scope: MaterializationScope,
  state: WriterConnection,
  stored: LedgerEvent,
): Promise<void> {
  try {
    await registry.materialize(registry.upcast(stored), scope);
  } catch (error) {
    // A server that went away says nothing about the event.
    if (!state.isOpen || sqlstateOf(error)?.startsWith('57')) throw error;
    throw new EventOfDoom(stored.position, stored.eventId, stored.type, error);
  }
  scope.state.journal.length = 0;
}

/** Plain SQL on the state for a session that holds the locks. */
export function lockedQueries(
  session: StateSession,
  state: WriterConnection,
): NonNullable<StateSession['locked']> {
  const flush = async () => {
    await Promise.all(send(state, encodeChanges(session.takeChanges())));
  };
  return {
    flush,
    savepoint: async () => {
      await flush();
      await state.send('savepoint command');
    },
    release: async (keep) => {
      if (!keep) void state.send('rollback to savepoint command');
      await state.send('release savepoint command');
    },
    db: stateDb(state),
  };
}

function stateDb(state: WriterConnection) {
  return kyselyOn<unknown>(() => state.current);
}
