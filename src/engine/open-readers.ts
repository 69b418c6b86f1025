import { ReadPool } from '../database/read-pool';
import { ROLES, type PoolOptions, type Role } from '../database/connections';
import type { StateDatabase } from './define/state-table';
import { DatabaseReader, type ReadCost } from './session/database-reader';
import { Turns, type Rest } from './session/turns';
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
}

/** Where nothing else is said. */
export const READ_LIMITS: ReadLimits = {
  cheap: 10,
  expensive: 1,
  queueLimit: 1_000,
  waitMs: 10_000,
};

/**
 * An expensive read has a process of its server for itself. More of them would take the processors
 * that commands need, whatever their queue says.
 */
const EXPENSIVE_SETTINGS = ['max_parallel_workers_per_gather=0'];
/** Events per second above which the ledger counts as busy. */
const BUSY_EVENTS_PER_S = 500;
/** Beside busy writers an expensive read keeps its turn for so many times as long as it took. */
const REST_FACTOR = 0.5;
/** Longest rest, so that one slow read does not stop those behind it. */
const MAX_REST_MS = 2_000;

/** Reads of callers, of both databases. */
export interface Readers {
  readonly log: DatabaseReader<LogDatabase>;
  readonly state: DatabaseReader<StateDatabase>;
}

/** @param position of the last event that this process wrote */
export function openReaders(
  options: Pick<PoolOptions, 'timeouts' | 'onError'> & { log: string; state: string },
  limits: ReadLimits,
  position: () => number,
): Readers {
  const { log, state, ...rest } = options;
  const { queueLimit, waitMs } = limits;
  const bounds = (atOnce: number) => ({ atOnce, queueLimit, waitMs });
  const turns: Record<ReadCost, Turns> = {
    cheap: new Turns('reads', bounds(limits.cheap)),
    expensive: new Turns('expensive reads', bounds(limits.expensive), restBeside(position)),
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

/**
 * On an idle ledger nothing rests. What counts is the pace of lately, and not of one read alone:
 * beside readers that have starved them, writers look idle.
 */
export function restBeside(position: () => number): () => Rest {
  let recent = 0;
  return () => {
    const before = position();
    return (tookMs) => {
      const perSecond = ((position() - before) / tookMs) * 1000;
      recent = Math.max(perSecond, recent / 2);
      return recent > BUSY_EVENTS_PER_S ? Math.min(MAX_REST_MS, tookMs * REST_FACTOR) : 0;
    };
  };
}
