import type { Kysely } from 'kysely';
import { healingOf } from './catch-up/healing';
import type { StateDatabase } from './define/state-table';
import {
  openPool,
  ROLES,
  writerConnection,
  type DatabaseUrls,
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
import { probeDatabases } from './startup-probe';
import type { DatabaseReader } from './session/database-reader';
import { StateReader } from './session/state-reader';
import { WritePath } from './write/write-path';

/**
 * Connections that the engine has for itself: keys are looked up and rows loaded ahead of a batch,
 * of several tables at once, and nothing that others read may keep a batch waiting.
 */
const ENGINE_CONNECTIONS = { log: 2, state: 4 };
/** What the service reads for itself: API keys, schedules, what a verification compares. */
const SERVICE_CONNECTIONS = 4;
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
}

export interface HealthConnections {
  readonly log: Kysely<LogDatabase>;
  readonly state: Kysely<StateDatabase>;
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
  /** A connection to each database that nobody else uses. */
  readonly health: HealthConnections;
  /** Has `listener` told after commits that may have recorded tasks. */
  onTasks(listener: () => void): void;
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
  const { logReader: ofLog, stateReader: ofState, logWriter } = ROLES;
  const pools: Kysely<never>[] = [];
  const pool = <DB>(url: string, role: Role, size: number, timeouts: SessionTimeouts = limits) => {
    const opened = openPool<DB>(url, role, timeouts, size, onError);
    pools.push(opened as unknown as Kysely<never>);
    return opened;
  };
  const engineLog = pool<LogDatabase>(urls.log, ofLog, ENGINE_CONNECTIONS.log);
  const engineState = pool<StateDatabase>(urls.state, ofState, ENGINE_CONNECTIONS.state);
  const logReader = pool<LogDatabase>(urls.log, ofLog, SERVICE_CONNECTIONS);
  const soon = { lockTimeoutMs: HEALTH_TIMEOUT_MS, statementTimeoutMs: HEALTH_TIMEOUT_MS };
  const health = {
    log: pool<LogDatabase>(urls.log, ofLog, 1, soon),
    state: pool<StateDatabase>(urls.state, ofState, 1, soon),
  };
  // Adding partitions waits for the lock of the log like any writer, on a connection of its own.
  const partitionDb = pool<LogDatabase>(urls.log, logWriter, 1);
  const path = new WritePath(
    registry,
    writerConnection(urls.log, ROLES.logWriter, limits),
    writerConnection(urls.state, ROLES.stateWriter, limits),
    healingOf(registry, (tasks) =>
      log.error({ tasks }, 'events that were caught up with ask for other tasks'),
    ),
  );
  let onTasks: () => void = () => undefined;
  const keepAhead = partitionKeeper(partitionDb, log);
  const ledger = new Ledger({
    registry,
    clock: options.clock ?? systemClock,
    limits,
    path,
    logReader: engineLog,
    stateReader: engineState,
    log,
    onCommitted: (head, hasTasks) => {
      keepAhead(head.position);
      if (hasTasks) onTasks();
    },
  });
  const readers = openReaders(
    { ...urls, timeouts: limits, onError },
    { ...READ_LIMITS, ...options.reads },
    () => ledger.head.position,
  );
  const close = async () => {
    await ledger.stop();
    const closers = [readers.log.close(), readers.state.close(), ...pools.map((p) => p.destroy())];
    await Promise.all(closers);
  };
  try {
    registry.checkComplete(await storedEventTypes(logReader));
    await ledger.start();
    await ensurePartitions(partitionDb, ledger.head.position);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ledger,
    urls,
    registry,
    logReader,
    callersLog: readers.log,
    stateReader: new StateReader(readers.state, ledger),
    health,
    onTasks: (listener) => (onTasks = listener),
    close,
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
