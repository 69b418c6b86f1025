import type { Kysely } from 'kysely';
import { healingOf } from './catch-up/healing';
import { checkDeclaredTables } from './declared-tables';
import type { StateDatabase } from './define/state-table';
import { BookDays } from '../money/book-days';
import { ReadPool } from '../database/read-pool';
import {
  openPool,
  ROLES,
  writerConnection,
  type DatabaseUrls,
  type OnConnectionError,
  type Role,
  type SessionTimeouts,
} from '../database/connections';
import type { LogDatabase } from './write/event-log';
import { storedEventTypes } from './write/event-log';
import { systemClock, type Clock } from './define/ids';
import { Ledger } from './write/ledger';
import type { EngineLimits, EngineLog } from './write/ledger-parts';
import { openReaders, READ_LIMITS, type ReadLimits } from './open-readers';
import { ensurePartitions, PARTITION_AHEAD } from './write/partitions';
import type { Feature } from './define/feature';
import { Registry } from './define/registry';
import { checkGuards, probeDatabases } from './startup-probe';
import type { DatabaseReader } from './session/database-reader';
import { StateReader } from './session/state-reader';
import { WritePath } from './write/write-path';

/**
 * Connections that the engine has for itself: keys are looked up and rows loaded ahead of a batch,
 * of several tables at once, and nothing that others read may keep a batch waiting.
 */
const ENGINE_CONNECTIONS = { log: 2, state: 4 };
/**
 * What the service reads for itself: API keys, schedules, what a verification compares; and of the
 * state what is due. Its own work waits for no caller's reads, which rest beside busy writers.
 */
const SERVICE_CONNECTIONS = { log: 4, state: 2 };
/** Health asks with connections of its own, and does not wait for an answer much longer. */
const HEALTH_TIMEOUT_MS = 2_000;

export interface LedgerOptions {
  readonly urls: DatabaseUrls;
  readonly features: readonly Feature[];
  readonly limits: EngineLimits;
  /** Default: {@link READ_LIMITS}. */
  readonly reads?: Partial<ReadLimits>;
  readonly log: EngineLog;
  readonly clock?: Clock;
  /** Whose days the books count, a name of the IANA database; default UTC. */
  readonly timeZone?: string;
}

export interface HealthConnections {
  readonly log: ReadPool<LogDatabase>;
  readonly state: ReadPool<StateDatabase>;
}

/** A running engine with its readers, and what ends it. */
export interface OpenLedger {
  readonly ledger: Ledger;
  readonly urls: DatabaseUrls;
  readonly registry: Registry;
  /** For what the service reads for itself. */
  readonly logReader: Kysely<LogDatabase>;
  /** For what callers read. */
  readonly callersLog: DatabaseReader<LogDatabase>;
  readonly stateReader: StateReader;
  /** For what the service reads for itself. */
  readonly serviceState: StateReader;
  /** A connection to each database that nobody else uses. */
  readonly health: HealthConnections;
  /** Has `listener` told after every commit of this process, and whether tasks may be in it. */
  onCommitted(listener: (hasTasks: boolean) => void): void;
  /** Answers what was accepted, then closes every connection. */
  close(): Promise<void>;
}

/**
 * Opens the engine on two migrated databases: proves what it rests on, checks that this program
 * can read the whole log, heals the state, and begins to take commands.
 * @throws ProbeFailed, RegistryError, HeadsDiverge, OtherMaterializers, AmendedSince, EventOfDoom
 */
export async function openLedger(options: LedgerOptions): Promise<OpenLedger> {
  const { urls, limits, log } = options;
  const registry = new Registry(options.features);
  await probeDatabases(urls, limits.lockTimeoutMs);
  const onError = (err: Error) => log.warn({ err }, 'an idle database connection broke');
  const pools = openPools(urls, limits, onError);
  const clock = options.clock ?? systemClock;
  const path = new WritePath(
    registry,
    writerConnection(urls.log, ROLES.logWriter, limits),
    writerConnection(urls.state, ROLES.stateWriter, limits),
    healingOf(registry, (tasks) =>
      log.error({ tasks }, 'events that were caught up with ask for other tasks'),
    ),
    clock,
  );
  const listeners: ((hasTasks: boolean) => void)[] = [];
  const keepAhead = partitionKeeper(pools.partitions, log);
  const ledger = new Ledger({
    registry,
    clock,
    days: new BookDays(options.timeZone ?? 'UTC'),
    limits,
    path,
    logReader: pools.engineLog,
    stateReader: pools.engineState,
    log,
    onCommitted: (head, hasTasks) => {
      keepAhead(head.position);
      for (const listener of listeners) listener(hasTasks);
    },
  });
  const readers = openReaders(
    { ...urls, timeouts: limits, onError },
    { ...READ_LIMITS, ...options.reads },
    { position: () => ledger.head.position, stalledMs: () => ledger.stalledMs },
  );
  const close = async () => {
    await ledger.stop();
    await Promise.all([readers.log.close(), readers.state.close(), pools.close()]);
  };
  try {
    registry.checkComplete(await storedEventTypes(pools.service));
    await checkDeclaredTables(pools.engineState, registry.tables);
    await checkGuards(pools.service, urls.log);
    await ledger.start();
    await ensurePartitions(pools.partitions, ledger.head.position);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ledger,
    urls,
    registry,
    logReader: pools.service,
    callersLog: readers.log,
    stateReader: new StateReader(readers.state, ledger),
    serviceState: new StateReader(
      { read: (run, options) => pools.serviceState.use(run, options?.signal) },
      ledger,
    ),
    health: pools.health,
    onCommitted: (listener) => void listeners.push(listener),
    close,
  };
}

/** What is read and written beside batches and callers; nobody waits for another's connections. */
function openPools(urls: DatabaseUrls, limits: SessionTimeouts, onError: OnConnectionError) {
  const opened: { destroy(): Promise<void> }[] = [];
  const open = <DB>(url: string, role: Role, size: number) => {
    const pool = openPool<DB>(url, role, limits, size, onError);
    opened.push(pool);
    return pool;
  };
  const timeouts = { lockTimeoutMs: HEALTH_TIMEOUT_MS, statementTimeoutMs: HEALTH_TIMEOUT_MS };
  const one = { timeouts, max: 1, onError };
  const health: HealthConnections = {
    log: new ReadPool({ ...one, url: urls.log, role: ROLES.logReader }),
    state: new ReadPool({ ...one, url: urls.state, role: ROLES.stateReader }),
  };
  const serviceState = new ReadPool<StateDatabase>({
    ...{ url: urls.state, role: ROLES.stateReader, timeouts: limits, onError },
    max: SERVICE_CONNECTIONS.state,
  });
  return {
    engineLog: open<LogDatabase>(urls.log, ROLES.logReader, ENGINE_CONNECTIONS.log),
    engineState: open<StateDatabase>(urls.state, ROLES.stateReader, ENGINE_CONNECTIONS.state),
    service: open<LogDatabase>(urls.log, ROLES.logReader, SERVICE_CONNECTIONS.log),
    serviceState,
    health,
    // Adding partitions waits for the lock of the log like any writer.
    partitions: open<LogDatabase>(urls.log, ROLES.logWriter, 1),
    close: async () => {
      const closing = opened.map((pool) => pool.destroy());
      await Promise.all([
        ...closing,
        serviceState.close(),
        health.log.close(),
        health.state.close(),
      ]);
    },
  };
}

/** Adds partitions in the background whenever the head comes near the end of the last one. */
function partitionKeeper(db: Kysely<LogDatabase>, log: EngineLog): (head: number) => void {
  let reach = 0;
  let isBusy = false;
  return (head) => {
    if (isBusy || (reach > 0 && head + PARTITION_AHEAD / 2 < reach)) return;
    isBusy = true;
    ensurePartitions(db, head)
      .then((end) => (reach = end))
      .catch((err: unknown) => log.error({ err }, 'no partition could be added to the event log'))
      .finally(() => (isBusy = false));
  };
}
