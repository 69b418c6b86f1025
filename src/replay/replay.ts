import { sql, type Kysely } from 'kysely';
import {
  clientConfig,
  kyselyOn,
  ROLES,
  STATE_SCHEMA,
  type DatabaseUrls,
} from '../database/connections';
import { isRowRefused } from '../database/sqlstates';
import { WriterConnection } from '../database/writer-connection';
import { catchUp, ChainBroken, EventOfDoom, PageRefused } from '../engine/catch-up';
import { GENESIS, type Head } from '../engine/event';
import { lockLog, lockState } from '../engine/heads';
import type { Registry } from '../engine/registry';
import { ComparedTasks, type TaskReport } from '../engine/task-comparison';
import { dropIndexes, restoreIndexes, type DroppedIndex } from './rebuild-indexes';

/** A rebuild waits for the batch that is under way, and its index builds may take minutes. */
const TIMEOUTS = { lockTimeoutMs: 60_000, statementTimeoutMs: 6 * 3_600_000 };
const STATE_SETTINGS = ['set synchronous_commit = off', "set maintenance_work_mem = '128MB'"];

export interface ReplayOptions {
  readonly urls: DatabaseUrls;
  readonly registry: Registry;
  /** Told how far the rebuild is and where the log ends. */
  readonly onProgress?: (position: number, head: number) => void;
}

/** What a replay did; the command line prints it as JSON. */
export interface ReplayReport {
  /** `swapped`: the state is the rebuilt one. `aborted`: it is what it was before. */
  readonly status: 'swapped' | 'aborted';
  /** Where the log ended, and so what was to be rebuilt. */
  readonly toPosition: number;
  /** Events that were materialized. */
  readonly processed: number;
  readonly eventsPerSecond: number;
  /** RFC 3339 UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly chain: { readonly ok: boolean; readonly brokenAt: number | null };
  /** How what the events ask for compares with what was recorded; nothing is ever sent. */
  readonly tasks: TaskReport;
  readonly doom: Doom | null;
  /** Largest memory that this process has held, in MiB. */
  readonly peakMib: number;
}

/** The event that its materializer could not apply. */
export interface Doom {
  readonly position: number;
  readonly eventId: string;
  readonly type: string;
  readonly error: string;
}

/**
 * Rebuilds the whole state from the log with the materializers and the session of every live
 * write, checks the hash chain on the way, and leaves exactly the state that the log makes. All of
 * it happens under both locks in one transaction on the state: writers and readers wait, nobody
 * ever sees half a state, and whatever ends the replay early leaves the state as it was.
 * @throws what the connections throw; an Event of Doom and a broken chain stand in the report
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  // The log's role can read and lock, and has no right to write anything.
  const log = new WriterConnection(clientConfig(options.urls.log, ROLES.logReplayer, TIMEOUTS));
  const state = new WriterConnection(clientConfig(options.urls.state, undefined, TIMEOUTS));
  try {
    await log.connect();
    await state.connect(...STATE_SETTINGS);
    return await new Rebuild(options, log, state).run();
  } finally {
    // The server rolls back what was not committed.
    log.destroy();
    state.destroy();
  }
}

class Rebuild {
  private readonly db: Kysely<unknown>;
  private readonly startedAt = new Date();
  private readonly startedMs = performance.now();
  private head: Head = GENESIS;
  private processed = 0;
  private dropped: DroppedIndex[] = [];
  private tasks: ComparedTasks;

  constructor(
    private readonly options: ReplayOptions,
    private readonly log: WriterConnection,
    private readonly state: WriterConnection,
  ) {
    this.db = kyselyOn(() => state.current);
    this.tasks = new ComparedTasks(options.registry.taskNames);
  }

  async run(): Promise<ReplayReport> {
    try {
      await this.attempt();
      return this.report();
    } catch (error) {
      await this.state.rollback();
      const isRefused = isRowRefused(error) || error instanceof PageRefused;
      const failure = isRefused ? await this.findRefused(error) : error;
      if (failure instanceof EventOfDoom || failure instanceof ChainBroken) {
        return this.report(failure);
      }
      throw failure;
    }
  }

  private async attempt(): Promise<void> {
    await this.empty();
    this.dropped = await dropIndexes(this.db, this.options.registry.tables);
    await this.materialize(GENESIS, this.head, {});
    await this.restoreIndexes();
    // Without new statistics the first readers would get plans for empty tables.
    await sql`analyze ${this.tables}`.execute(this.db);
    await this.state.commit();
    await this.log.rollback();
  }

  /** Takes the locks and removes everything that a materializer ever wrote. */
  private async empty(): Promise<void> {
    // The log's lock before the state's: always in this order, everywhere.
    if (this.head === GENESIS) this.head = await lockLog(this.log, GENESIS);
    await lockState(this.state);
    // Readers begin at this table. Those under way end first, so that none of them finds a table
    // empty: TRUNCATE is seen by snapshots that are older than it.
    await this.state.send('lock table event_log_state in access exclusive mode');
    await sql`truncate ${this.tables}`.execute(this.db);
    await sql`
      update event_log_state set position = 0, hash = ${Buffer.from(GENESIS.hash, 'hex')},
        materializers_version = null, rebuilds = rebuilds + 1`.execute(this.db);
  }

  private async materialize(from: Head, to: Head, limits: { pageEvents?: number }): Promise<void> {
    const { registry, onProgress } = this.options;
    onProgress?.(from.position, this.head.position);
    await catchUp(registry, this.log, this.state, from, to, {
      ...limits,
      tasks: this.tasks,
      verifyChain: true,
      beforeQuery: () => this.restoreIndexes(),
      onProgress: (position) => {
        this.processed = position;
        onProgress?.(position, this.head.position);
      },
    });
  }

  /** At the end, or earlier where a materializer looks for rows by more than their key. */
  private async restoreIndexes(): Promise<void> {
    const dropped = this.dropped;
    this.dropped = [];
    await restoreIndexes(this.db, dropped);
  }

  /**
   * Which event wrote the row that a constraint refused. Rows were written by pages and checked by
   * indexes that were built at the end, so the rebuild is done again with the indexes in place: by
   * pages up to the one that fails, and once more from there event by event.
   */
  private async findRefused(cause: unknown): Promise<unknown> {
    let safe = GENESIS;
    for (const limits of [{}, { pageEvents: 1 }]) {
      this.dropped = [];
      this.tasks = new ComparedTasks(this.options.registry.taskNames);
      try {
        await this.empty();
        await this.materialize(GENESIS, safe, {});
        await this.materialize(safe, this.head, limits);
        return cause;
      } catch (error) {
        if (!(error instanceof PageRefused)) return error;
        safe = error.before;
      } finally {
        await this.state.rollback();
      }
    }
    return cause;
  }

  private report(failure?: EventOfDoom | ChainBroken): ReplayReport {
    const seconds = (performance.now() - this.startedMs) / 1000;
    const brokenAt = failure instanceof ChainBroken ? failure.position : null;
    return {
      status: failure === undefined ? 'swapped' : 'aborted',
      toPosition: this.head.position,
      processed: this.processed,
      eventsPerSecond: Math.round(this.processed / seconds),
      startedAt: this.startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      chain: { ok: brokenAt === null, brokenAt },
      tasks: this.tasks.report(),
      doom: failure instanceof EventOfDoom ? doomOf(failure) : null,
      peakMib: Math.round(process.resourceUsage().maxRSS / 1024),
    };
  }

  /** The names of all tables, for statements that take a list. */
  private get tables() {
    const { tables } = this.options.registry;
    return sql.join(tables.map((table) => sql.id(STATE_SCHEMA, table.name)));
  }
}

function doomOf({ position, eventId, type, cause }: EventOfDoom): Doom {
  const error = cause instanceof Error ? cause.message : String(cause);
  return { position, eventId, type, error };
}
