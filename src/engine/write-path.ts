import assert from 'node:assert';
import type { Kysely } from 'kysely';
import { kyselyOn } from '../database/connections';
import { isRowRefused } from '../database/sqlstates';
import type { WriterConnection } from '../database/writer-connection';
import { catchUp, lockedQueries } from './catch-up';
import { committedCommandIds } from './command-log';
import { GENESIS, sameHead, type Head } from './event';
import {
  commandLogTable,
  eventLogTable,
  eventRow,
  type LogDatabase,
} from './event-log';
import type { Execution } from './execution';
import { sendChanges, sendRows } from './flush';
import {
  hashAt,
  HeadsDiverge,
  lockLog,
  lockState,
  OtherMaterializers,
  sendStateHead,
} from './heads';
import type { Registry } from './registry';
import { loadRowsFrom } from './row-loader';
import type { StateSession } from './state-session';

/** The log's commit was sent and its answer never came: it may or may not have happened. */
export class CommitInDoubt extends Error {
  override readonly name = 'CommitInDoubt';
}

/** The commands have happened, and the state does not have them yet. */
export class StateNotCommitted extends Error {
  override readonly name = 'StateNotCommitted';
}

/**
 * The two locked transactions that every write goes through. Owns the only two connections that
 * write, opens them anew when they break, and never retries by itself: what a failure means is for
 * the caller to decide by where it happened.
 */
export class WritePath {
  /** Where the log stood when this process last held the locks. */
  private known: Head = GENESIS;
  private readonly storedTypes = new Set<string>();

  constructor(
    private readonly registry: Registry,
    private readonly log: WriterConnection,
    private readonly state: WriterConnection,
  ) {}

  get head(): Head {
    return this.known;
  }

  /** Lets a session load through the locked transaction and use SQL, until the locks go. */
  giveLocks(session: StateSession): void {
    const db: Kysely<unknown> = kyselyOn(() => this.state.current);
    session.load = loadRowsFrom(db);
    session.locked = lockedQueries(session, this.state);
  }

  /**
   * Begins both transactions, takes both locks (the log's first, everywhere) and makes the state
   * equal to the log: a tail that is missing is materialized in these same locks.
   * @returns the head of both
   * @throws HeadsDiverge, OtherMaterializers, EventOfDoom, or what the connections throw
   */
  async lock(): Promise<Head> {
    // The log answers nobody before its record is on disk; the state can be rebuilt from the log.
    await Promise.all([
      this.log.connect('set synchronous_commit = on'),
      this.state.connect('set synchronous_commit = off'),
    ]);
    const logHead = await lockLog(this.log, this.known);
    const { head: stateHead, materializersVersion } = await lockState(this.state);
    if (stateHead.position > logHead.position) {
      throw new HeadsDiverge(
        `The state is at position ${stateHead.position} and the log ends at ${logHead.position}`,
      );
    }
    const expected = this.registry.materializersVersion;
    if (stateHead.position > 0 && materializersVersion !== expected) {
      throw new OtherMaterializers();
    }
    if (!sameHead(logHead, stateHead)) await this.heal(stateHead, logHead);
    this.known = logHead;
    return logHead;
  }

  private async heal(stateHead: Head, logHead: Head): Promise<void> {
    const hash = await hashAt(this.log, stateHead.position);
    if (hash !== stateHead.hash) {
      throw new HeadsDiverge(
        `At position ${stateHead.position} the state was built from hash ${stateHead.hash}, ` +
          `and the log has ${hash ?? 'no event'}`,
      );
    }
    await catchUp(this.registry, this.log, this.state, stateHead, logHead, { commitPages: true });
  }

  /**
   * Sends everything an execution wrote to both databases at the same time and waits until both
   * have taken it. After this nothing but the commits can fail.
   */
  async flush(execution: Execution): Promise<void> {
    const { sealed, events, commands } = execution;
    assert(sealed, 'Only what is sealed can be written');
    const sent: Promise<unknown>[] = [];
    if (commands.length > 0) {
      sent.push(sendRows(this.log, commandLogTable, commands.map((c) => c.row)));
    }
    if (events.length > 0) {
      sent.push(sendRows(this.log, eventLogTable, events.map(eventRow)));
      sent.push(...this.sendNewTypes(execution));
      sent.push(...sendChanges(this.state, sealed.changes));
      sent.push(sendStateHead(this.state, sealed.head, this.registry.materializersVersion));
    }
    const answers = await Promise.allSettled(sent);
    // A row that was refused is the cause; that later statements were refused too is its effect.
    const errors = answers.flatMap((a) => (a.status === 'rejected' ? [a.reason as unknown] : []));
    if (errors.length > 0) throw errors.find(isRowRefused) ?? errors[0];
  }

  private sendNewTypes({ events }: Execution): Promise<unknown>[] {
    const found = new Map(events.map((e) => [`${e.type} ${e.version}`, e]));
    return [...found.entries()]
      .filter(([name]) => !this.storedTypes.has(name))
      .map(([, event]) =>
        this.log.send({
          text: 'insert into event_types (type, version) values ($1, $2) on conflict do nothing',
          values: [event.type, event.version],
        }),
      );
  }

  /**
   * Commits the log, then the state. From the log's commit on, the commands have happened.
   * @throws CommitRefused where nothing happened, CommitInDoubt where that is not known,
   *   StateNotCommitted where only the state's commit failed
   */
  async commit(execution: Execution): Promise<void> {
    try {
      await this.log.commit();
    } catch (error) {
      if (error instanceof Error && error.name === 'CommitRefused') throw error;
      throw new CommitInDoubt('The answer to the commit of the log did not come', {
        cause: error,
      });
    }
    this.known = execution.sealed!.head;
    for (const { type, version } of execution.events) this.storedTypes.add(`${type} ${version}`);
    try {
      await this.state.commit();
    } catch (error) {
      throw new StateNotCommitted('The commit of the state failed', { cause: error });
    }
  }

  /** Ends both transactions without a trace. */
  async rollback(): Promise<void> {
    await Promise.all([this.log.rollback(), this.state.rollback()]);
  }

  /**
   * Which of these commands the log has. Takes the log's lock, so a commit that was in doubt has
   * ended by then, one way or the other. Leaves both transactions open under the locks, healed.
   */
  async committedUnderLock(ids: readonly string[]): Promise<Set<string>> {
    await this.lock();
    return committedCommandIds(kyselyOn<LogDatabase>(() => this.log.current), ids);
  }

  /** Makes the state equal to the log and lets the locks go. */
  async healNow(): Promise<Head> {
    try {
      const head = await this.lock();
      await this.state.commit();
      return head;
    } finally {
      await this.rollback();
    }
  }

  /** Cuts both connections; whatever they were waiting for fails. */
  cut(): void {
    this.log.destroy();
    this.state.destroy();
  }

  async close(): Promise<void> {
    await Promise.all([this.log.close(), this.state.close()]);
  }
}
