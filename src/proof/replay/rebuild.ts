import { sql, type Kysely } from 'kysely';
import { clientConfig, kyselyOn, ROLES, type DatabaseUrls } from '../../database/connections';
import { isRowRefused } from '../../database/sqlstates';
import { WriterConnection } from '../../database/writer-connection';
import { catchUp, PageRefused, type CatchUpOptions } from '../../engine/catch-up/catch-up';
import { GENESIS, type Head } from '../../engine/define/event';
import type { Registry } from '../../engine/define/registry';
import type { StateDatabase } from '../../engine/define/state-table';
import { ComparedTasks } from '../../engine/catch-up/task-comparison';
import { AmendedEvents } from './amended-events';
import {
  createIndex,
  createShadow,
  NEXT_SCHEMA,
  tablesOf,
  type ShadowIndex,
} from './shadow-schema';

/** Index builds over long histories take minutes; a lock that does not come is given up. */
export const REBUILD_TIMEOUTS = { lockTimeoutMs: 60_000, statementTimeoutMs: 6 * 3_600_000 };
const SETTINGS = [
  'set synchronous_commit = off',
  "set maintenance_work_mem = '128MB'",
  // Tables are analyzed in the end, for which rough statistics do: 3,000 rows are looked at instead
  // of 30,000, which took a quarter of a short rebuild.
  'set default_statistics_target = 10',
  // A process that was killed is noticed while an index is built, not after.
  "set client_connection_check_interval = '1s'",
];
/** The server needs a moment to notice that a process has ended, and to undo what it did. */
const EXCLUSION_PATIENCE_MS = 3_000;
const EXCLUSION_POLL_MS = 50;

/** Another replay or verification is at work on this state. */
export class RunInProgress extends Error {
  override readonly name = 'RunInProgress';

  constructor() {
    super('Another replay or verification is running; try again when it has ended');
  }
}

/** What every rebuild is told. */
export interface RebuildOptions {
  readonly urls: DatabaseUrls;
  readonly registry: Registry;
  /** Told how far the rebuild is and where the log ends. */
  readonly onProgress?: ((position: number, head: number) => void) | undefined;
  /** Stops the rebuild at the next page with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Awaited after every page, so that others get their share of the machine. */
  readonly pace?: (() => Promise<void>) | undefined;
  /** What the state is built from instead of what the log has, by position. */
  readonly substitutes?: CatchUpOptions['substitutes'];
  /** Whether it is rolled back in any case, so that its rows need not survive a crash. */
  readonly isThrownAway?: boolean;
}

/**
 * The whole state once more, built from the log with the materializers and the session of every
 * live write, in a schema of its own beside the live one. It is one transaction: nobody sees it
 * before it is committed, and whatever ends it early (an error, a full disk, SIGKILL) leaves
 * nothing behind. Takes no locks, so that readers and writers go on.
 */
export class Rebuild {
  /** How far it is. */
  head: Head = GENESIS;
  tasks: ComparedTasks;
  amended = AmendedEvents.none();
  /** Events that were materialized, also where it did not come to its end. */
  processed = 0;
  /** Milliseconds that reading, materializing and indexing have taken so far. */
  spentMs = 0;
  readonly db: Kysely<StateDatabase>;
  private missing: ShadowIndex[] = [];
  private indexing: Promise<void> | undefined;
  private isFinished = false;

  private constructor(
    private readonly options: RebuildOptions,
    /** Can read and lock the log, and has no right to write anything. */
    readonly log: WriterConnection,
    readonly state: WriterConnection,
    readonly schema: string,
  ) {
    this.db = kyselyOn(() => this.state.current);
    this.tasks = new ComparedTasks(options.registry.taskNames);
  }

  /**
   * Opens the connections and begins with an empty schema.
   * @throws RunInProgress where another process has begun one
   */
  static async open(options: RebuildOptions): Promise<Rebuild> {
    const rebuild = Rebuild.on(options, NEXT_SCHEMA);
    try {
      await rebuild.connect();
      await excludeOthers(rebuild.db);
      // Nobody amends an event while this one keeps others out.
      rebuild.amended = await AmendedEvents.read(rebuild.log);
      await rebuild.begin();
      return rebuild;
    } catch (error) {
      rebuild.close();
      throw error;
    }
  }

  /** A second rebuild beside one that is under way; in a schema that is never kept. */
  async openAnother(options: Partial<RebuildOptions>): Promise<Rebuild> {
    const rebuild = Rebuild.on(
      { ...this.options, ...options, isThrownAway: true },
      `${this.schema}_again`,
    );
    rebuild.amended = this.amended;
    try {
      await rebuild.connect();
      await rebuild.begin();
      return rebuild;
    } catch (error) {
      rebuild.close();
      throw error;
    }
  }

  private static on(options: RebuildOptions, schema: string): Rebuild {
    const { log, state } = options.urls;
    return new Rebuild(
      options,
      new WriterConnection(clientConfig(log, ROLES.logReplayer, REBUILD_TIMEOUTS)),
      new WriterConnection(clientConfig(state, ROLES.stateReplayer, REBUILD_TIMEOUTS)),
      schema,
    );
  }

  private async connect(): Promise<void> {
    await this.log.connect();
    await this.state.connect(...SETTINGS);
  }

  private async begin(): Promise<void> {
    this.head = GENESIS;
    const { registry, isThrownAway = false } = this.options;
    const { tables, taskNames } = registry;
    this.tasks = new ComparedTasks(taskNames, this.amended.taskRanges);
    await this.state.send('begin');
    this.indexing = undefined;
    this.isFinished = false;
    const { state: url } = this.options.urls;
    this.missing = await createShadow(this.db, url, this.schema, tables, isThrownAway);
  }

  /**
   * Materializes the log up to a head, checking the hash chain on the way.
   * @throws EventOfDoom, ChainBroken, what `signal` gives, and what the connections throw
   */
  async to(head: Head, more: Pick<CatchUpOptions, 'afterEvent' | 'pace'> = {}): Promise<void> {
    if (head.position <= this.head.position) return;
    const beganMs = performance.now();
    try {
      await this.materialize(head, more);
    } catch (error) {
      if (!isRowRefused(error) && !(error instanceof PageRefused)) throw error;
      throw await this.findRefused(error, head);
    }
    this.spentMs += performance.now() - beganMs;
  }

  private async materialize(to: Head, more: Partial<CatchUpOptions>): Promise<void> {
    const { registry, onProgress, signal, pace, substitutes } = this.options;
    const { head } = await catchUp(registry, this.log, this.state, this.head, to, {
      verifyChain: true,
      tasks: this.tasks,
      beforeQuery: () => this.createIndexes(),
      onProgress: (position) => {
        this.processed = position;
        onProgress?.(position, to.position);
      },
      ...(signal && { signal }),
      ...(pace && { pace }),
      amended: this.amended.originals,
      ...(substitutes && { substitutes }),
      ...more,
      afterEvent: (session, event) => {
        this.amended.see(event);
        more.afterEvent?.(session, event);
      },
    });
    this.head = head;
  }

  /**
   * Makes the indexes, and statistics without which the first readers would get plans for empty
   * tables; once. @throws EventOfDoom where an index refuses a row
   */
  async finish(): Promise<void> {
    if (this.isFinished) return;
    const { head } = this;
    const beganMs = performance.now();
    try {
      await this.createIndexes();
    } catch (error) {
      throw isRowRefused(error) ? await this.findRefused(error, head) : error;
    }
    const names = await tablesOf(this.db, this.schema);
    await sql`analyze ${sql.join(names.map((n) => sql.id(this.schema, n)))}`.execute(this.db);
    this.isFinished = true;
    this.spentMs += performance.now() - beganMs;
  }

  /** At the end, or earlier where a materializer looks for rows by more than their key. */
  private createIndexes(): Promise<void> {
    // Whoever comes meanwhile waits too: without its index a look for a row reads a whole table.
    this.indexing ??= this.createMissing();
    return this.indexing;
  }

  private async createMissing(): Promise<void> {
    for (const index of this.missing) await createIndex(this.db, this.schema, index);
  }

  /**
   * Which event wrote the row that a constraint refused. Rows were written by pages and checked by
   * indexes that were built at the end, so the rebuild is done again with the indexes in place: by
   * pages up to the one that fails, and once more from there event by event.
   */
  private async findRefused(cause: unknown, head: Head): Promise<unknown> {
    let safe = GENESIS;
    // That takes as long as a whole rebuild: nobody must wait for the log's lock meanwhile.
    await this.log.rollback();
    for (const limits of [{}, { pageEvents: 1 }]) {
      await this.state.rollback();
      await this.begin();
      await this.createIndexes();
      try {
        if (safe.position > 0) await this.materialize(safe, {});
        await this.materialize(head, limits);
        return cause;
      } catch (error) {
        if (!(error instanceof PageRefused)) return error;
        safe = error.before;
      }
    }
    return cause;
  }

  /** Ends everything that was not committed. */
  close(): void {
    this.log.destroy();
    this.state.destroy();
  }
}

/**
 * Keeps other replays and verifications of a state out until the connection ends, however it ends.
 * SQL as text: the builder has no word for locks.
 * @throws RunInProgress
 */
export async function excludeOthers(db: Kysely<StateDatabase>): Promise<void> {
  const deadline = performance.now() + EXCLUSION_PATIENCE_MS;
  for (;;) {
    const { rows } = await sql<{ isFree: boolean }>`
      select pg_try_advisory_lock(hashtext('truebook replay')) as "isFree"`.execute(db);
    if (rows[0]!.isFree) return;
    if (performance.now() > deadline) throw new RunInProgress();
    await new Promise((done) => setTimeout(done, EXCLUSION_POLL_MS));
  }
}
