import type { EventType, LedgerEvent } from './event';
import type { Refusal } from './refusal';
import type { BookTime, LoadedRows, RowNeeds, StateSession } from './state-session';

/** What a creator is given: the state, and the only sources of time, ids and events. */
export interface CreatorContext extends BookTime {
  readonly state: StateSession;
  /** The position of the last event, this command's own included. */
  readonly position: number;
  /** The hash of that event, in hex; zeros before the first. */
  readonly hash: string;
  readonly actor: string;
  /** A new time-ordered UUID (version 7). */
  newId(): string;
  /** Appends an event and materializes it at once, so that the next read sees it. */
  append<Data extends object>(
    type: EventType<Data>,
    data: Data,
    occurredAt?: string,
  ): Promise<LedgerEvent<Data>>;
  /**
   * Runs another creator as a command of its own (own key, own row in the command log). Where it
   * refuses, it alone is undone and the refusal is returned.
   */
  run<Input, Answer>(
    creator: Creator<Input, Answer>,
    input: Input,
    options?: { readonly idempotencyKey?: string | undefined },
  ): Promise<Outcome<Answer>>;
}

/**
 * A command: reads current state, refuses by throwing a {@link Refusal}, or appends events.
 * `Input` is plain JSON: it is fingerprinted for the idempotency key.
 */
export interface Creator<Input = unknown, Answer = unknown> {
  /** Imperative, stable: it is stored with every command. */
  readonly name: string;
  /** Names the rows (and idempotency keys) it is going to read, so a batch loads them at once. */
  readonly needs?: (input: Input, needs: RowNeeds) => void;
  /**
   * Names the rows that it knows of only from those: the accounts of a transaction, say. Asked
   * again once they are there, as it may know of more from them, until it names no others.
   */
  readonly needsThen?: (input: Input, loaded: LoadedRows, needs: Pick<RowNeeds, 'row'>) => void;
  /**
   * Runs the command. The returned value is the answer, unless `answer` derives it. May be run
   * again on a changed state: whatever it did before was undone.
   */
  readonly run: (context: CreatorContext, input: Input) => Promise<Answer | void>;
  /**
   * The answer as a function of the command's events alone; with it the answer is not stored, but
   * derived again when a caller repeats the command.
   */
  readonly answer?: (events: readonly LedgerEvent[]) => Answer;
}

export function defineCreator<Input, Answer>(
  creator: Creator<Input, Answer>,
): Creator<Input, Answer> {
  return creator;
}

/** What became of a command. `isHit`: the first answer again, to a repeated idempotency key. */
export type Outcome<Answer = unknown> =
  | {
      readonly kind: 'accepted';
      readonly answer: Answer;
      /** Position of the command's last event, or of the state that it read. */
      readonly position: number;
      readonly isHit: boolean;
    }
  | {
      readonly kind: 'refused';
      readonly refusal: Refusal;
      readonly position: number;
      readonly isHit: boolean;
    };

/** A creator with its input, as it waits in the queue. */
export interface Command<Input = unknown, Answer = unknown> {
  readonly creator: Creator<Input, Answer>;
  readonly input: Input;
  readonly actor: string;
  readonly idempotencyKey?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
  /** Bytes of the request that it came in; none where it came from within. */
  readonly bytes?: number | undefined;
  /**
   * Takes room for an answer of about so many bytes, instead of what it took before: a command may
   * be run again. False: there is none, and the command does not happen.
   */
  readonly reserve?: ((bytes: number) => boolean) | undefined;
  /** The same path, then undone. */
  readonly dryRun?: boolean;
}
