import type { Kysely } from 'kysely';
import { healingOf } from './catch-up/healing';
import { checkDeclaredTables } from './declared-tables';
import type { StateDatabase } from './define/state-table';
import { openPool, ROLES, writerConnection, type DatabaseUrls } from '../database/connections';
import type { LogDatabase } from './write/event-log';
import { storedEventTypes } from './write/event-log';
import { systemClock, type Clock } from './define/ids';
import { Ledger } from './write/ledger';
import type { EngineLimits, EngineLog } from './write/ledger-parts';
import { ensurePartitions, PARTITION_AHEAD } from './write/partitions';
import type { Feature } from './define/feature';
import { Registry } from './define/registry';
import { checkGuards, probeDatabases } from './startup-probe';
import { StateReader } from './session/state-reader';
import { WritePath } from './write/write-path';

export interface LedgerOptions {
  readonly urls: DatabaseUrls;
  readonly features: readonly Feature[];
  readonly limits: EngineLimits;
  readonly readPoolSize: number;
  readonly log: EngineLog;
  readonly clock?: Clock;
}

/** A running engine with its readers, and what ends it. */
export interface OpenLedger {
  readonly ledger: Ledger;
  readonly urls: DatabaseUrls;
  readonly registry: Registry;
  readonly logReader: Kysely<LogDatabase>;
  readonly stateReader: StateReader;
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
  const { urls, limits, log, readPoolSize } = options;
  const registry = new Registry(options.features);
  await probeDatabases(urls, limits.lockTimeoutMs);
  const onError = (err: Error) => log.warn({ err }, 'an idle database connection broke');
  const pool = <DB>(url: string, role: (typeof ROLES)[keyof typeof ROLES], size: number) =>
    openPool<DB>(url, role, limits, size, onError);
  const logReader = pool<LogDatabase>(urls.log, ROLES.logReader, readPoolSize);
  const stateDb = pool<StateDatabase>(urls.state, ROLES.stateReader, readPoolSize);
  // Adding partitions waits for the lock of the log like any writer, on a connection of its own.
  const partitionDb = pool<LogDatabase>(urls.log, ROLES.logWriter, 1);
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
  let onTasks: () => void = () => undefined;
  const keepAhead = partitionKeeper(partitionDb, log);
  const ledger = new Ledger({
    registry,
    clock,
    limits,
    path,
    logReader,
    stateReader: stateDb,
    log,
    onCommitted: (head, hasTasks) => {
      keepAhead(head.position);
      if (hasTasks) onTasks();
    },
  });
  const close = async () => {
    await ledger.stop();
    await Promise.all([logReader.destroy(), stateDb.destroy(), partitionDb.destroy()]);
  };
  try {
    registry.checkComplete(await storedEventTypes(logReader));
    await checkDeclaredTables(stateDb, registry.tables);
    await checkGuards(logReader);
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
    stateReader: new StateReader(stateDb, ledger),
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
