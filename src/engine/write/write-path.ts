import assert from 'node:assert';
import type { Kysely } from 'kysely';
import { kyselyOn } from '../../database/connections';
import { isRowRefused } from '../../database/sqlstates';
import { CommitRefused, type WriterConnection } from '../../database/writer-connection';
import { catchUp, lockedQueries, PageRefused } from '../catch-up/catch-up';
import { committedCommandIds } from './command-log';
import { readAmendedTasks, refuseAmended } from '../catch-up/event-content';
import { GENESIS, sameHead, type Head, type LedgerEvent } from '../define/event';
import type { LogDatabase } from './event-log';
import type { Execution } from './execution';
import { send, type Statement } from '../session/flush';
import {
  hashAt,
  HeadsDiverge,
  lockLog,
  lockState,
  OtherMaterializers,
  sendStateHead,
  type StateHead,
} from './heads';
import type { Registry } from '../define/registry';
import { loadRowsFrom } from '../session/row-loader';
import type { StateSession } from '../session/state-session';
import { ComparedTasks, type TaskReport } from '../catch-up/task-comparison';

/** The log's commit was sent and its answer never came: it may or may not have happened. */
export class CommitInDoubt extends Error {
  override readonly name = 'CommitInDoubt';
}

/** The commands have happened, and the state does not have them yet. */
export class StateNotCommitted extends Error {
  override readonly name = 'StateNotCommitted';
}

/** What both databases say once they are locked. */
interface Locked {
  readonly logHead: Head;
  readonly state: StateHead;
}

/** What was sent behind the last commits for the batch that waited for them. */
interface Ahead {
  readonly locks: Promise<Locked>;
  /** The execution whose rows were sent; undefined where only the locks were asked for. */
  readonly execution: Execution | undefined;
  readonly sent: Promise<unknown>[];
}

/**
 * The two locked transactions that every write goes through. Owns the only two connections that
 * write, opens them anew when they break, and never retries by itself: what a failure means is for
 * the caller to decide by where it happened.
 */
export class WritePath {
  /** Where the log stood when this process last held the locks. */
  private known: Head = GENESIS;
  private knownRebuilds = 0;
  private readonly storedTypes = new Set<string>();
  private ahead: Ahead | undefined;

  constructor(
    private readonly registry: Registry,
    private readonly log: WriterConnection,
    private readonly state: WriterConnection,
    /** Told where events that were caught up with ask for other tasks than were recorded. */
    private readonly onTasksDiffer: (report: TaskReport) => void,
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
   * @returns the head of both, and whether it and the state are those that this process had left
   * @throws HeadsDiverge, OtherMaterializers, AmendedSince, EventOfDoom, or what the connections
   *   throw
   */
  async lock(): Promise<{ head: Head; isUnchanged: boolean }> {
    await this.connect();
    const { logHead, state } = await (this.ahead?.locks ?? this.takeLocks());
    const { head: stateHead, materializersVersion, rebuilds } = state;
    // Rows may have been read from a state that had to be healed, while it was behind.
    const isUnchanged =
      sameHead(logHead, this.known) &&
      sameHead(logHead, stateHead) &&
      rebuilds === this.knownRebuilds;
    if (this.ahead && !isUnchanged) {
      // Somebody else wrote or rebuilt before these locks came: what was sent does not hold.
      await this.rollback();
      return this.lock();
    }
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
    this.knownRebuilds = rebuilds;
    return { head: logHead, isUnchanged };
  }

  /** Opens what is not open, both or neither. What was sent ahead is gone with its connection. */
  private async connect(): Promise<void> {
    // The log answers nobody before its record is on disk; the state can be rebuilt from the log.
    const attempts = await Promise.allSettled([
      this.log.connect('set synchronous_commit = on'),
      this.state.connect('set synchronous_commit = off'),
    ]);
    for (const attempt of attempts) if (attempt.status === 'rejected') throw attempt.reason;
    const isNew = attempts.some((a) => a.status === 'fulfilled' && a.value);
    if (isNew && this.ahead) await this.rollback();
  }

  /** The log's lock first, then the state's: always in this order, everywhere. */
  private async takeLocks(): Promise<Locked> {
    const logHead = await lockLog(this.log, this.known);
    return { logHead, state: await lockState(this.state) };
  }

  private async heal(stateHead: Head, logHead: Head): Promise<void> {
    const hash = await hashAt(this.log, stateHead.position);
    if (hash !== stateHead.hash) {
      throw new HeadsDiverge(
        `At position ${stateHead.position} the state was built from hash ${stateHead.hash}, ` +
          `and the log has ${hash ?? 'no event'}`,
      );
    }
    const afterEvent = (_: StateSession, event: LedgerEvent) => refuseAmended(stateHead, event);
    const known = await readAmendedTasks(this.log);
    const compared = new ComparedTasks(this.registry.taskNames, known);
    const options = { commitPages: true, afterEvent, tasks: compared };
    try {
      await catchUp(this.registry, this.log, this.state, stateHead, logHead, options);
    } catch (error) {
      throw error instanceof PageRefused ? await this.findRefused(error, logHead) : error;
    }
    const tasks = compared.report();
    if (tasks.firstDifference !== null) this.onTasksDiffer(tasks);
  }

  /**
   * Which event wrote the row that the state refused: the page is materialized again, event by
   * event, and not kept. The log stays locked, so that nobody else writes meanwhile.
   */
  private async findRefused(refused: PageRefused, to: Head): Promise<unknown> {
    await this.state.rollback();
    try {
      await lockState(this.state);
      const options = { pageEvents: 1 };
      await catchUp(this.registry, this.log, this.state, refused.before, to, options);
      return refused;
    } catch (error) {
      return error;
    }
  }

  /**
   * Sends everything an execution wrote to both databases at the same time, unless that was done
   * ahead, and waits until both have taken it. After this nothing but the commits can fail.
   */
  async flush(execution: Execution): Promise<void> {
    const sent =
      this.ahead?.execution === execution
        ? this.ahead.sent
        : [...this.sendToLog(execution), ...this.sendToState(execution)];
    this.ahead = undefined;
    const answers = await Promise.allSettled(sent);
    // A row that was refused is the cause; that later statements were refused too is its effect.
    const errors = answers.flatMap((a) => (a.status === 'rejected' ? [a.reason as unknown] : []));
    if (errors.length > 0) throw errors.find(isRowRefused) ?? errors[0];
  }

  private sendToLog(execution: Execution): Promise<unknown>[] {
    assert(execution.sealed, 'Only what is sealed can be written');
    return send(this.log, [...execution.sealed.log, ...this.newTypes(execution)]);
  }

  private sendToState({ sealed, events }: Execution): Promise<unknown>[] {
    if (!sealed || events.length === 0) return [];
    const version = this.registry.materializersVersion;
    return this.state.together(() => [
      ...send(this.state, sealed.state),
      sendStateHead(this.state, sealed.head, version),
    ]);
  }

  private newTypes({ events }: Execution): Statement[] {
    const found = new Map(events.map((e) => [`${e.type} ${e.version}`, e]));
    return [...found]
      .filter(([name]) => !this.storedTypes.has(name))
      .map(([, { type, version }]) => ({
        query: {
          text: 'insert into event_types (type, version) values ($1, $2) on conflict do nothing',
          values: [type, version],
        },
      }));
  }

  /**
   * Commits the log, then the state. From the log's commit on, the commands have happened.
   * Where another batch waits, the locks for it are asked for right behind the commits, and what
   * it wrote is sent behind them if it is complete: that saves it the way there and back. Others
   * who wait for the locks get their turn in between, and then it was sent in vain.
   * @throws CommitRefused where nothing happened, CommitInDoubt where that is not known,
   *   StateNotCommitted where only the state's commit failed
   */
  async commit({ sealed, events }: Execution, next?: Execution): Promise<void> {
    const head = sealed!.head;
    // Asked once: what is not complete now is sent to neither database ahead.
    const complete = next?.sealed ? next : undefined;
    let logLocked: Promise<Head> | undefined;
    let sentToLog: Promise<unknown>[] = [];
    try {
      const committed = this.log.together(() => {
        const answer = this.log.commit();
        for (const { type, version } of events) this.storedTypes.add(`${type} ${version}`);
        if (next) {
          logLocked = lockLog(this.log, head);
          logLocked.catch(() => undefined);
          if (complete) sentToLog = this.sendToLog(complete);
        }
        return answer;
      });
      await committed;
    } catch (error) {
      this.storedTypes.clear();
      if (error instanceof CommitRefused) throw error;
      throw new CommitInDoubt('The answer to the commit of the log did not come', {
        cause: error,
      });
    }
    this.known = head;
    try {
      // The state's lock goes before the log's is awaited: holding the one while waiting for the
      // other would be a deadlock that no server can see.
      const committed = this.state.commit();
      if (logLocked) this.lockStateAhead(complete, logLocked, sentToLog);
      await committed;
    } catch (error) {
      throw new StateNotCommitted('The commit of the state failed', { cause: error });
    }
  }

  /** Follows the log's lock with the state's: in this order, here too. */
  private lockStateAhead(
    execution: Execution | undefined,
    logLocked: Promise<Head>,
    sent: Promise<unknown>[],
  ): void {
    const locks: Promise<Locked> = logLocked.then(async (logHead) => {
      // Given up meanwhile: the state's connection may be another one, in a later transaction.
      assert(this.ahead?.locks === locks, 'The locks that were asked for ahead were given up');
      const locked = this.state.together(() => {
        const answer = lockState(this.state);
        if (execution) sent.push(...this.sendToState(execution));
        return answer;
      });
      return { logHead, state: await locked };
    });
    locks.catch(() => undefined);
    this.ahead = { locks, execution, sent };
  }

  /** Ends both transactions without a trace. */
  async rollback(): Promise<void> {
    this.ahead = undefined;
    await Promise.all([this.log.rollback(), this.state.rollback()]);
  }

  /**
   * Which of these commands the log has. Takes the log's lock, so a commit that was in doubt has
   * ended by then, one way or the other. Leaves both transactions open under the locks, healed.
   */
  async committedUnderLock(ids: readonly string[]): Promise<Set<string>> {
    await this.lock();
    return committedCommandIds(
      kyselyOn<LogDatabase>(() => this.log.current),
      ids,
    );
  }

  /** Makes the state equal to the log and lets the locks go. */
  async healNow(): Promise<Head> {
    try {
      const { head } = await this.lock();
      await this.state.commit();
      return head;
    } finally {
      await this.rollback();
    }
  }

  /** Cuts both connections; whatever they were waiting for fails. */
  cut(): void {
    this.ahead = undefined;
    this.log.destroy();
    this.state.destroy();
  }

  async close(): Promise<void> {
    await Promise.all([this.log.close(), this.state.close()]);
  }
}
