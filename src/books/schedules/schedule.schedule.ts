import { Inject, Injectable } from '@nestjs/common';
import type { StateReader } from '../../engine/session/state-reader';
import { DueWork } from '../../engine/write/due-work';
import { Ledger } from '../../engine/write/ledger';
import { STATE_READER } from '../../http/service-tokens';
import { PostScheduledTransactions } from './schedule.creators';
import { readDue } from './schedule.queries';

/** The service's own work has a name of its own. */
const ACTOR = 'system:schedules';
/** What one command posts at most, others waiting: so many transactions, with so many postings. */
const [POSTED_PER_COMMAND, POSTINGS_PER_COMMAND] = [200, 1_000];

/** Posts scheduled transactions in the order of the instants in which they are due. */
@Injectable()
export class ScheduledPosting extends DueWork {
  readonly name = 'scheduled-transactions';
  readonly pattern = '*/5 * * * * *';

  constructor(
    @Inject(STATE_READER) private readonly state: StateReader,
    private readonly ledger: Ledger,
  ) {
    super();
  }

  protected async doSome(): Promise<boolean> {
    const { value: due } = await this.state.read((db) => readDue(db, POSTED_PER_COMMAND));
    const on = due[0]?.next_on;
    if (!on) return false;
    const some = this.fitting(due, POSTINGS_PER_COMMAND, (schedule) => schedule.postings);
    const input = { on, scheduleIds: some.map((schedule) => schedule.schedule_id) };
    const command = { creator: PostScheduledTransactions, input, actor: ACTOR };
    const outcome = await this.ledger.submit(command);
    // None, where the database's clock is ahead of the command's: they are due in a moment.
    return outcome.kind === 'accepted' && outcome.answer.run > 0;
  }
}
