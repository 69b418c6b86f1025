import { Injectable } from '@nestjs/common';
import { StateReader } from '../../engine/session/state-reader';
import { DueWork } from '../../engine/write/due-work';
import { Ledger } from '../../engine/write/ledger';
import { ExpireHolds } from './hold.creators';
import { readDue } from './hold.queries';

/** The service's own work has a name of its own. */
const ACTOR = 'system:holds';
/** Holds that expire in one command. */
const HOLDS_PER_COMMAND = 200;

/** Looks every second for holds whose time is over, and lets them expire in that order. */
@Injectable()
export class HoldExpiry extends DueWork {
  readonly name = 'holds';
  readonly pattern = '* * * * * *';

  constructor(
    private readonly state: StateReader,
    private readonly ledger: Ledger,
  ) {
    super();
  }

  protected async doSome(): Promise<boolean> {
    const { value: holdIds } = await this.state.read((db) => readDue(db, HOLDS_PER_COMMAND));
    if (holdIds.length === 0) return false;
    const command = { creator: ExpireHolds, input: { holdIds }, actor: ACTOR };
    const outcome = await this.ledger.submit(command);
    // None, where the database's clock is ahead of the command's: they are due in a moment.
    return outcome.kind === 'accepted' && outcome.answer.expired > 0;
  }
}
