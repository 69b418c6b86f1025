/** One thing that is wrong with a request; `pointer` is a JSON pointer into its body. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

/** What a refusal says besides its code; all of it is shown to the caller and kept with the key. */
export interface RefusalDetails {
  readonly accountId?: string;
  /** The velocity limit that would be passed, what is used of it, and until when. */
  readonly limitId?: string;
  readonly used?: string;
  readonly resetsAt?: string;
  /** Which item of a batch was refused. */
  readonly index?: number;
  /** The run that it refuses for: that found something, or is in the way. */
  readonly runId?: string;
  readonly errors?: readonly FieldError[];
}

/**
 * A creator's no: the command is undone and nothing else is. `code` is stable; what it means to who
 * called, the feature that refuses declares once.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: string,
    readonly detail: string,
    readonly details: RefusalDetails = {},
  ) {
    super(detail);
  }

  /** Requests that were not even valid are not remembered under their idempotency key. */
  get isRemembered(): boolean {
    return this.code !== 'validation_failed';
  }
}

/** A no of today: who asks again with the same key is asked anew, since the reason may be gone. */
export class PassingRefusal extends Refusal {
  override get isRemembered(): boolean {
    return false;
  }
}

/**
 * The state cannot be made what the log says, so that nothing can be written: somebody has to act.
 * Nothing here heals by itself.
 */
export abstract class StateUnusable extends Error {
  /** What a caller and the health page may know of it: no host, no statement, no data. */
  get explanation(): string {
    return this.message;
  }
}

/** The ledger can take no command now: database away, lock wait too long, queue full. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable';

  /** @param message what the caller may know */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
