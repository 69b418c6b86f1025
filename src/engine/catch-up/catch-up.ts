import { allDone, isRowRefused, isServerTrouble } from '../../database/sqlstates';
import type { WriterConnection } from '../../database/writer-connection';
import type { Head, LedgerEvent } from '../define/event';
import { EventPages } from './event-pages';
import type { EventContent } from './event-content';
import { NotEncoded, RowMissing, sendChecked } from '../session/flush';
import type { AppendedEvent } from '../write/event-log';
import { canonicalEvent, canonicalJson, chainHash } from '../write/hash-chain';
import { LOCK_STATE, sendStateHead } from '../write/heads';
import { PreparedPages, PREPARED_PAGES } from './prepared-pages';
import { StateUnusable } from '../define/refusal';
import type { Registry } from '../define/registry';
import { BufferedSession } from '../session/buffered-session';
import { lockedQueries } from '../session/locked-queries';
import { materialize, type MaterializationScope } from '../session/materialize';
import { loadRowsFrom } from '../session/row-loader';
import { catchingUp, type CatchingUp } from '../session/session-mode';
import { ComparedTasks, type TaskReport } from './task-comparison';
import { UnsentRows } from './unsent-rows';
import { errorMessage } from '../../database/errors';

/**
 * Events that are read and materialized together: few, because the databases are sent to and heard
 * between pages only. A flush is more than a socket takes at once; with pages of 500 events the
 * state's server waited for the rest of it, and rows that were asked for after it came late.
 */
const PAGE_EVENTS = 200;
/**
 * Events whose rows are sent together. Every statement costs the server its planning, and a COPY a
 * slot for each of its first 1,000 rows: with 2,000 events its work took a third longer, and with
 * 8,000 the rows that wait cost the collector what the server saves.
 */
const FLUSH_EVENTS = 4_000;
/** Rows of large events are sent before that, so that memory does not depend on their size. */
const FLUSH_CHARACTERS = 8_000_000;

export interface CatchUpOptions {
  /** Events whose rows are sent together; default {@link FLUSH_EVENTS}. */
  readonly pageEvents?: number;
  /** Told after every page. */
  readonly onProgress?: (position: number) => void;
  /** Whether what is sent together is committed, and a transaction begun anew; else it is one. */
  readonly commitPages?: boolean;
  /** Whether every event's hash is computed again. */
  readonly verifyChain?: boolean;
  /** Awaited before rows are looked for by more than their table's key. */
  readonly beforeQuery?: () => Promise<void>;
  /** What was hashed of the events that have been amended since. */
  readonly amended?: Originals;
  /** Contents that are materialized instead of those that the log has, by position. */
  readonly substitutes?: Substitutes;
  /** The gateway that materializers ask; default one that compares and records nothing. */
  readonly tasks?: ComparedTasks;
  /** Ends the catch-up between two pages; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Awaited after every page, for a caller that leaves others their share of the machine. */
  readonly pace?: () => Promise<void>;
  /** Told after every event, of the session that contains it and of nothing later. */
  readonly afterEvent?: (session: BufferedSession, event: LedgerEvent) => void;
}

/** The parts of an amended event that are not what was hashed when it was appended. */
export interface OriginalEvent {
  readonly type: string;
  readonly version: number;
  /** Canonical JSON. */
  readonly data: string;
}

/** By position. */
export type Originals = ReadonlyMap<number, OriginalEvent>;

/** By position. */
export type Substitutes = ReadonlyMap<number, EventContent>;

interface CatchUpScope extends MaterializationScope {
  readonly tasks: ComparedTasks;
}

/** How far a catch-up came, and how the tasks of its events compare with the recorded ones. */
export interface CaughtUp {
  readonly head: Head;
  readonly tasks: TaskReport;
}

/** An event that its materializer cannot apply: an Event of Doom. The state stays as it was. */
export class EventOfDoom extends StateUnusable {
  override readonly name = 'EventOfDoom';

  override get explanation(): string {
    return `The event at position ${this.position} cannot be materialized`;
  }

  constructor(
    readonly position: number,
    readonly eventId: string,
    readonly type: string,
    cause: unknown,
  ) {
    const reason = errorMessage(cause);
    super(`Event ${position} (${type}, ${eventId}) cannot be materialized: ${reason}`, { cause });
  }
}

/**
 * What some event of a page wrote was refused: by a constraint, because it has no form, or because
 * a row was missing that it changed.
 */
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
 * @throws EventOfDoom, PageRefused, ChainBroken, and the reason of an aborted signal
 */
export async function catchUp(
  registry: Registry,
  log: WriterConnection,
  state: WriterConnection,
  from: Head,
  to: Head,
  options: CatchUpOptions = {},
): Promise<CaughtUp> {
  const mode = modeOn(state, () => unsent, options);
  const session = new BufferedSession(registry.tables, from, mode);
  const unsent = new UnsentRows(session, from);
  const tasks = options.tasks ?? new ComparedTasks(registry.taskNames);
  const scope: CatchUpScope = { state: session, tasks };
  const { pageEvents = FLUSH_EVENTS } = options;
  const pages = new EventPages(log, from.position, to.position, Math.min(pageEvents, PAGE_EVENTS));
  // Where events are flushed one by one, so that a refused row has its event, none is ahead.
  const depth = pageEvents < PAGE_EVENTS ? 0 : PREPARED_PAGES;
  const prepared = new PreparedPages(pages, registry, session, depth);
  session.beginBatch(session.batch + 1);
  try {
    await applyPages(registry, prepared, scope, state, unsent, options);
  } finally {
    pages.stop();
  }
  return { head: session.head, tasks: tasks.report() };
}

/** Materializes page after page, each while the rows of the one before are written. */
async function applyPages(
  registry: Registry,
  pages: PreparedPages,
  scope: CatchUpScope,
  state: WriterConnection,
  unsent: UnsentRows,
  options: CatchUpOptions,
): Promise<void> {
  const { state: session, tasks } = scope;
  const { pageEvents = FLUSH_EVENTS } = options;
  let flushed: Promise<unknown> = Promise.resolve();
  const flushAll = async () => {
    await flushed;
    flushed = flush(registry, session, state, unsent);
    if (options.commitPages) await commit(state, flushed);
    // What pages that were prepared before want of older batches was not loaded: it stays.
    session.committed(pages.oldestBatch - 1, session.head);
    session.beginBatch(session.batch + 1);
  };
  try {
    for (let page = await pages.next(); page; page = await pages.next()) {
      options.signal?.throwIfAborted();
      tasks.expect(page.tasks);
      await applyPage(registry, page.events, scope, state, options);
      unsent.add(page);
      if (unsent.events >= pageEvents || unsent.characters >= FLUSH_CHARACTERS) await flushAll();
      options.onProgress?.(session.head.position);
      await options.pace?.();
    }
    if (unsent.events > 0) await flushAll();
    await flushed;
  } catch (error) {
    options.signal?.throwIfAborted();
    let cause = await causeOf(error, [flushed, unsent.beforeQueries]);
    // Rows of events before that one which were not sent yet: what refuses them comes first.
    const isBehind = cause instanceof EventOfDoom && cause.position > unsent.before.position + 1;
    if (isBehind) cause = await causeOf(cause, [sendUnsent(state, unsent)]);
    throw cause instanceof NotEncoded ? refusal(cause, unsent.before, unsent.only) : cause;
  }
}

/**
 * Where rows that were sent before were refused, by a table or by an index that was built since,
 * that is the cause: whatever is asked of the state after them is refused too.
 */
async function causeOf(error: unknown, before: readonly Promise<unknown>[]): Promise<unknown> {
  const ends = await Promise.allSettled(before);
  const errors = ends.flatMap((e) => (e.status === 'rejected' ? [e.reason as unknown] : []));
  const isCause = (e: unknown) =>
    isRowRefused(e) || [PageRefused, EventOfDoom, NotEncoded].some((kind) => e instanceof kind);
  return [...errors, error].find(isCause) ?? errors[0] ?? error;
}

async function applyPage(
  registry: Registry,
  events: readonly AppendedEvent[],
  scope: CatchUpScope,
  state: WriterConnection,
  options: CatchUpOptions,
): Promise<void> {
  const session = scope.state;
  for (const stored of events) {
    if (options.verifyChain) verifyLink(session.head, stored, options.amended);
    session.moveTo({ position: stored.position, hash: stored.hash });
    const event = substituted(stored, options.substitutes);
    const applied = tryToMaterialize(registry, scope, state, event);
    if (applied) await applied;
    options.afterEvent?.(session, stored);
  }
}

/** Sends the rows of some events. @returns what tells of their answers */
function flush(
  registry: Registry,
  session: BufferedSession,
  state: WriterConnection,
  unsent: UnsentRows,
): Promise<void> {
  const { before, only } = unsent;
  const sent = sendChecked(state, unsent.take());
  sent.push(sendStateHead(state, session.head, registry.materializersVersion));
  const flushed = answered(sent, before, only);
  unsent.begin();
  flushed.catch(() => undefined);
  return flushed;
}

/** Sends the rows of some events that are not all there yet. @throws PageRefused, NotEncoded */
async function sendUnsent(state: WriterConnection, unsent: UnsentRows): Promise<void> {
  await answered(sendChecked(state, unsent.take()), unsent.before, undefined);
}

async function commit(state: WriterConnection, flushed: Promise<unknown>): Promise<void> {
  await flushed;
  await state.commit();
  void state.send('begin');
  void state.send(LOCK_STATE);
}

/**
 * Waits for what rows were answered with.
 * @param only the event that wrote them, where it is one
 * @throws EventOfDoom, PageRefused
 */
async function answered(
  sent: readonly Promise<unknown>[],
  before: Head,
  only: LedgerEvent | undefined,
): Promise<void> {
  const answers = await Promise.allSettled(sent);
  const errors = answers.flatMap((a) => (a.status === 'rejected' ? [a.reason as Error] : []));
  // A row that was refused is the cause; that later statements were refused too is its effect.
  const refused = errors.find((e) => isRowRefused(e) || e instanceof RowMissing);
  if (!refused) {
    if (errors.length > 0) throw errors[0]!;
    return;
  }
  throw refusal(refused, before, only);
}

function refusal(cause: Error, before: Head, only: LedgerEvent | undefined): Error {
  if (!only) return new PageRefused(before, cause);
  const { position, eventId, type } = only;
  return new EventOfDoom(position, eventId, type, cause);
}

/** Has a session load and use SQL inside the caller's transaction. */
function modeOn(
  state: WriterConnection,
  unsentRows: () => UnsentRows,
  { beforeQuery }: CatchUpOptions,
): CatchingUp {
  const queries = lockedQueries(state);
  const plain = loadRowsFrom(queries.db);
  const prepared = async () => {
    if (beforeQuery) await unsentRows().awaitBeforeQueries(beforeQuery());
  };
  const load: CatchingUp['load'] = async (table, column, ...rest) => {
    if (table.source !== undefined || column !== table.key) await prepared();
    return plain(table, column, ...rest);
  };
  const flush = async () => {
    await prepared();
    const unsent = unsentRows();
    // Rows of this event alone are refused as those of its materializer.
    await (unsent.areOfOneEvent
      ? allDone(sendChecked(state, unsent.take()))
      : unsent.awaitBeforeQueries(sendUnsent(state, unsent)));
  };
  return catchingUp(load, { ...queries, flush });
}

/**
 * Checks an event against the one before it. An event that was amended is checked as it was.
 * @throws ChainBroken
 */
export function verifyLink(before: Head, event: AppendedEvent, amended?: Originals): void {
  const original = amended?.get(event.position);
  const hashed = original ? { ...event, ...original, canonicalData: original.data } : event;
  // The log keeps the text that was hashed. Written otherwise it may still be the same event.
  if (event.position === before.position + 1) {
    if (isLink(before, hashed, hashed.canonicalData)) return;
    const data = original ? (JSON.parse(original.data) as object) : event.data;
    if (isLink(before, hashed, canonicalJson(data))) return;
  }
  throw new ChainBroken(before.position + 1);
}

/** Whether an event's hash is that of the event with these data, behind the one before. */
function isLink(before: Head, event: Omit<LedgerEvent, 'data'>, canonicalData: string): boolean {
  return chainHash(before.hash, canonicalEvent(event, canonicalData)) === event.hash;
}

/** An event as it is to be materialized. */
function substituted(stored: LedgerEvent, substitutes: Substitutes | undefined): LedgerEvent {
  const content = substitutes?.get(stored.position);
  return content ? { ...stored, ...content } : stored;
}

/** Waits for nothing where all that the event needs is in memory. @throws EventOfDoom */
function tryToMaterialize(
  registry: Registry,
  scope: MaterializationScope,
  state: WriterConnection,
  stored: LedgerEvent,
): void | Promise<void> {
  try {
    const applied = materialize(registry, registry.upcast(stored), scope);
    return applied?.catch((error: unknown) => fail(state, stored, error));
  } catch (error) {
    return fail(state, stored, error);
  }
}

function fail(state: WriterConnection, { position, eventId, type }: LedgerEvent, error: unknown) {
  // A server that went away, or whose disk is full, says nothing about the event.
  if (!state.isOpen || isServerTrouble(error)) throw error;
  throw new EventOfDoom(position, eventId, type, error);
}
