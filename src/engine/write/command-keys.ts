import type { Kysely } from 'kysely';
import type { Outcome } from '../define/creator';
import { findRemembered, scopedKey, type RememberedCommand } from './command-log';
import type { CommandRow, LogDatabase } from './event-log';
import type { RememberedOutcomes } from './remembered-outcomes';

/** A command's row on its way into the log, with the answer for repeats before it is committed. */
export interface PendingCommand {
  readonly row: CommandRow;
  readonly outcome: Outcome;
}

/** A key as the log database takes it. */
export interface WantedKey {
  readonly actor: string;
  readonly idempotencyKey: string;
}

/** What became of the commands with a key, as far as one execution has come to know it. */
export class CommandKeys {
  /** By {@link scopedKey}: commands of this execution, and what the database said. */
  private readonly found = new Map<string, PendingCommand | RememberedCommand | null>();

  constructor(
    private readonly log: Kysely<LogDatabase>,
    private readonly outcomes: Pick<RememberedOutcomes, 'expect'>,
    /** Of the batch that is being committed meanwhile: the database may not have them yet. */
    private previous?: CommandKeys,
  ) {}

  /** To be called when the batch before was committed: the database has its keys now. */
  forgetPrevious(): void {
    this.previous = undefined;
  }

  /** The command with a key; null: there is none; undefined: the database is still to be asked. */
  get(key: string): PendingCommand | RememberedCommand | null | undefined {
    const own = this.found.get(key);
    const before = this.previous?.found.get(key);
    return own ?? (before && 'row' in before ? before : own);
  }

  /** Asks the database, also for what it does not have. */
  async lookUp(wanted: readonly WantedKey[]): Promise<void> {
    const found = await findRemembered(this.log, wanted);
    for (const { actor, idempotencyKey } of wanted) {
      const key = scopedKey(actor, idempotencyKey);
      if (this.found.get(key)) continue;
      const remembered = found.get(key) ?? null;
      this.found.set(key, remembered);
      if (remembered) this.outcomes.expect(remembered);
    }
  }

  remember(pending: PendingCommand): void {
    const { actor, idempotency_key: key } = pending.row;
    if (key !== null) this.found.set(scopedKey(actor, key), pending);
  }

  /** Undoes that a command of this execution happened. */
  forget({ row }: PendingCommand): void {
    const { actor, idempotency_key: key } = row;
    if (key !== null) this.found.set(scopedKey(actor, key), null);
  }
}
