import { Inject, Injectable } from '@nestjs/common';
import type { StateReader } from '../../engine/session/state-reader';
import { DueWork } from '../../engine/write/due-work';
import { Ledger } from '../../engine/write/ledger';
import { STATE_READER } from '../../http/service-tokens';
import { ExpireHolds } from './hold.creators';
import { readDue } from './hold.queries';

/** The service's own work has a name of its own. */
const ACTOR = 'system:holds';
/** Holds that expire in one command, and what they may have of postings together. */
const HOLDS_PER_COMMAND = 200;
const POSTINGS_PER_COMMAND = 2_000;

/** Looks every second for holds whose time is over, and lets them expire in that order. */
@Injectable()
export class HoldExpiry extends DueWork {
  readonly name = 'holds';
  readonly pattern = '* * * * * *';

  constructor(
    @Inject(STATE_READER) private readonly state: StateReader,
    private readonly ledger: Ledger,
  ) {
    super();
  }

  protected async doSome(): Promise<boolean> {
    const { value: due } = await this.state.read((db) => readDue(db, HOLDS_PER_COMMAND));
    if (due.length === 0) return false;
    const some = this.fitting(due, POSTINGS_PER_COMMAND, (hold) => hold.postings);
    const input = { holdIds: some.map((hold) => hold.hold_id) };
    const outcome = await this.ledger.submit({ creator: ExpireHolds, input, actor: ACTOR });
    // None, where the database's clock is ahead of the command's: they are due in a moment.
    return outcome.kind === 'accepted' && outcome.answer.expired > 0;
  }
}
