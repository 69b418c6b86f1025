import type { Head } from '../../engine/define/event';
import type { TaskReport } from '../../engine/catch-up/task-comparison';

/** The event that its materializer could not apply. */
export interface Doom {
  readonly position: number;
  readonly eventId: string;
  readonly type: string;
  readonly error: string;
  /** The events around it, itself included, in the order of the log. */
  readonly neighbours: readonly EventSummary[];
}

/** An event without its data, which may be nobody's business in a log file. */
export interface EventSummary {
  readonly position: number;
  readonly eventId: string;
  readonly type: string;
  readonly version: number;
  readonly recordedAt: string;
}

/** A cell in which the live state and the rebuilt one differ. */
export interface Sample {
  /** The row's key, `column=value` for each column of the key, joined by `, `. */
  readonly key: string;
  /** null: the whole row is missing or extra. */
  readonly column: string | null;
  /** As PostgreSQL writes the value, or the row as JSON; null: no value, or no such row. */
  readonly live: string | null;
  readonly rebuilt: string | null;
}

/** How a table of the live state compares with the rebuilt one. */
export interface TableReport {
  readonly table: string;
  readonly liveRows: number;
  readonly rebuiltRows: number;
  /** Rows that the live state lacks. */
  readonly missing: number;
  /** Rows that the live state has and the rebuilt one has not. */
  readonly extra: number;
  /** Rows with the same key and other values. */
  readonly changed: number;
  /** Position of the first event after which the two part. */
  readonly firstDivergingPosition: number | null;
  /** The first differences by position, a few. */
  readonly samples: readonly Sample[];
}

/**
 * What is wrong with the log itself. `event_changed`: an event is not the one that was hashed.
 * `log_cut_short`: events are gone from its end that the log database itself still names.
 * `log_restored`: the log is whole and older than what was built from it. `log_rewritten`: the log
 * is whole and has another event at a position than what was built from it. `state_behind`: nothing
 * is wrong with the log, the state lacks its end and is healed by the next write. `guard_missing`:
 * something that keeps the log as it was written is not in its place; only verifications look.
 * `seal_broken`: what the event says that the books add up to is not what they do.
 */
export interface LogFinding {
  readonly kind:
    | 'event_changed'
    | 'log_cut_short'
    | 'log_restored'
    | 'log_rewritten'
    | 'state_behind'
    | 'guard_missing'
    | 'seal_broken';
  /** Of the event; of a guard, up to where the log is without it. */
  readonly position: number;
  /** One sentence. */
  readonly detail: string;
}

/** Whether a finding says that the log is not the history that was hashed. */
export function isOfChain({ kind }: LogFinding): boolean {
  return kind !== 'state_behind' && kind !== 'guard_missing' && kind !== 'seal_broken';
}

/** What a run stood on. */
export interface RanOn {
  readonly codeVersion: string;
  readonly materializersVersion: string;
  /** The version that built the live state; null before its first event. */
  readonly stateMaterializersVersion: string | null;
  /** The head of the log when the run began. */
  readonly logHead: Head;
  /** What the live state said of itself when the run began. */
  readonly stateHead: Head;
}

/** What verifications and replays have in common. */
export interface RunReport {
  /** Up to where the state was rebuilt. */
  readonly toPosition: number;
  /** Events that were materialized. */
  readonly processed: number;
  /** Of the whole run, comparing included. */
  readonly eventsPerSecond: number;
  /** Milliseconds of it that were spent on reading, materializing and indexing. */
  readonly rebuildMs: number;
  /** RFC 3339 UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly chain: { readonly ok: boolean; readonly brokenAt: number | null };
  readonly log: readonly LogFinding[];
  readonly tables: readonly TableReport[];
  /** How what the events ask for compares with what was recorded; nothing is ever sent. */
  readonly tasks: TaskReport;
  readonly doom: Doom | null;
  readonly ranOn: RanOn;
  /** Largest memory that this process has held, in MiB. */
  readonly peakMib: number;
}

/** `aborted`: it was told to stop before it had come to a verdict. */
export interface VerificationReport extends RunReport {
  readonly status: 'passed' | 'failed' | 'aborted';
}

/**
 * `swapped`: the state is the rebuilt one. `differs`: the rebuilt state differs from the live one
 * and nobody had accepted that. `failed`, `aborted`: the state is what it was before.
 */
export interface ReplayReport extends RunReport {
  readonly status: 'swapped' | 'differs' | 'failed' | 'aborted';
  /** Why differences were accepted, where there were any. */
  readonly accepted: string | null;
  /** How long writers were held for the last tail and the swap, in milliseconds. */
  readonly swapMs: number | null;
}
