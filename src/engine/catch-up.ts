import { kyselyOn } from '../database/connections';
import type { WriterConnection } from '../database/writer-connection';
import type { Head } from './event';
import { readEvents, type LogDatabase } from './event-log';
import { sendChanges } from './flush';
import { sendStateHead } from './heads';
import type { Registry } from './registry';
import { loadRowsFrom } from './row-loader';
import { StateSession } from './state-session';

/** Events that are read, materialized and flushed together. */
const PAGE_EVENTS = 2_000;

export interface CatchUpOptions {
  /** Told after every page. */
  readonly onProgress?: (position: number) => void;
  /** Whether each page is committed and the transaction begun anew; else it stays one. */
  readonly commitPages?: boolean;
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

/**
 * Materializes the part of the log that the state lacks, with the same materializers and the same
 * session as a live write. The caller holds both locks. The next page is read while the last one
 * is flushed, and memory does not grow with the length of the tail.
 * @returns the head of the state afterwards, which is `to`
 * @throws EventOfDoom
 */
export async function catchUp(
  registry: Registry,
  log: WriterConnection,
  state: WriterConnection,
  from: Head,
  to: Head,
  options: CatchUpOptions = {},
): Promise<Head> {
  const logDb = kyselyOn<LogDatabase>(() => log.current);
  const session = new StateSession(registry.tables, from, loadRowsFrom(stateDb(state)));
  session.locked = lockedQueries(session, state);
  session.hasSavepoint = true;
  const read = (after: number) => readEvents(logDb, after, to.position, PAGE_EVENTS);
  let page = await read(from.position);
  let flushed: Promise<unknown> = Promise.resolve();
  while (page.length > 0) {
    const next = page.length < PAGE_EVENTS ? Promise.resolve([]) : read(page.at(-1)!.position);
    next.catch(() => undefined);
    session.batch++;
    for (const stored of page) {
      const event = registry.upcast(stored);
      session.head = { position: event.position, hash: event.hash };
      try {
        await registry.materializerOf(event.type).apply(event, { state: session });
      } catch (error) {
        throw new EventOfDoom(event.position, event.eventId, event.type, error);
      }
      session.journal.length = 0;
    }
    await flushed;
    const sent = sendChanges(state, session.takeChanges());
    sent.push(sendStateHead(state, session.head, registry.materializersVersion));
    flushed = Promise.all(sent);
    flushed.catch(() => undefined);
    if (options.commitPages) {
      await flushed;
      await state.commit();
      void state.send('begin');
      void state.send('lock table event_log_state in exclusive mode');
    }
    session.committed(session.batch);
    options.onProgress?.(session.head.position);
    page = await next;
  }
  await flushed;
  return session.head;
}

/** Plain SQL on the state for a session that holds the locks. */
export function lockedQueries(
  session: StateSession,
  state: WriterConnection,
): NonNullable<StateSession['locked']> {
  const flush = async () => {
    await Promise.all(sendChanges(state, session.takeChanges()));
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
