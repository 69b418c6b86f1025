import { ReadPool } from '../database/read-pool';
import { ROLES, type PoolOptions, type Role } from '../database/connections';
import type { StateDatabase } from './define/state-table';
import { BesideWriters, type Writers } from './session/beside-writers';
import { DatabaseReader, PAGE_BYTES, type ReadCost } from './session/database-reader';
import { Turns } from './session/turns';
import type { LogDatabase } from './write/event-log';

/** The bounds of what callers read. */
export interface ReadLimits {
  /** Cheap reads at once, each with a connection. */
  readonly cheap: number;
  /** Expensive reads at once, each with a connection. */
  readonly expensive: number;
  /** Reads of a class that may wait; one more is refused with `ledger_unavailable`. */
  readonly queueLimit: number;
  /** How long a read waits before it is refused. */
  readonly waitMs: number;
  /**
   * Bytes of answers that may be made at once, of which every read counts as {@link PAGE_BYTES};
   * one read of each class always may.
   */
  readonly answerBytes: number;
}

/** Where nothing else is said. */
export const READ_LIMITS: ReadLimits = {
  cheap: 10,
  expensive: 1,
  queueLimit: 1_000,
  waitMs: 10_000,
  answerBytes: 40 * PAGE_BYTES,
};

/**
 * An expensive read has a process of its server for itself. More of them would take the processors
 * that commands need, whatever their queue says.
 */
const EXPENSIVE_SETTINGS = ['max_parallel_workers_per_gather=0'];
/** Reads of callers, of both databases. */
export interface Readers {
  readonly log: DatabaseReader<LogDatabase>;
  readonly state: DatabaseReader<StateDatabase>;
}

/** Opens what callers read with, of which the reads of each cost rest beside `writers`. */
export function openReaders(
  options: Pick<PoolOptions, 'timeouts' | 'onError'> & { log: string; state: string },
  limits: ReadLimits,
  writers: Writers,
): Readers {
  const { log, state, ...rest } = options;
  const { queueLimit, waitMs } = limits;
  const room = Math.max(1, Math.floor(limits.answerBytes / PAGE_BYTES));
  const bounds = (most: number) => ({ atOnce: Math.min(most, room), queueLimit, waitMs });
  const [cheap, expensive] = [new BesideWriters(writers), new BesideWriters(writers)];
  cheap.shareWith([expensive]);
  expensive.shareWith([cheap]);
  const turns: Record<ReadCost, Turns> = {
    cheap: new Turns('reads', bounds(limits.cheap), cheap),
    expensive: new Turns('expensive reads', bounds(limits.expensive), expensive),
  };
  const reader = <DB>(url: string, role: Role) => {
    const common = { ...rest, url, role };
    const expensive = { ...common, max: limits.expensive, settings: EXPENSIVE_SETTINGS };
    return new DatabaseReader<DB>({
      cheap: { turns: turns.cheap, pool: new ReadPool({ ...common, max: limits.cheap }) },
      expensive: { turns: turns.expensive, pool: new ReadPool(expensive) },
    });
  };
  return { log: reader(log, ROLES.logReader), state: reader(state, ROLES.stateReader) };
}
