import {
  ScheduleTransaction,
  type ScheduleTransactionInput,
} from '../../src/books/schedules/schedule.creators';
import { ScheduledPosting } from '../../src/books/schedules/schedule.schedule';
import type { OpenLedger } from '../../src/engine/open-ledger';
import type { ChoosePair } from './engine-load';
import type { DueLoad } from './holds';
import { accepted, watch } from './interest';

const ACTOR = 'bench';
const SCHEDULED_IN_FLIGHT = 512;
/** Of each one that is posted: its transaction, and that it was. */
const EVENTS = 2;

/** Schedules transactions for today, whose beginning is over, and has the service post them. */
export async function measureSchedules(
  open: OpenLedger,
  pair: ChoosePair,
  schedules: number,
): Promise<DueLoad> {
  const { ledger, serviceState } = open;
  const postOn = new Date().toISOString().slice(0, 10);
  let left = schedules;
  const loop = async () => {
    while (left-- > 0) {
      const input = dueOn(postOn, pair());
      accepted(await ledger.submit({ creator: ScheduleTransaction, actor: ACTOR, input }));
    }
  };
  await Promise.all(Array.from({ length: SCHEDULED_IN_FLIGHT }, loop));
  const [debited] = pair();
  const watched = watch(ledger, debited);
  const before = ledger.head.position;
  const begin = performance.now();
  await new ScheduledPosting(serviceState, ledger).run();
  const seconds = (performance.now() - begin) / 1000;
  const { longestWaitMs } = await watched.stop();
  const events = ledger.head.position - before;
  if (events < EVENTS * schedules) throw new Error(`${events} events of ${schedules} schedules`);
  return { seconds, longestWaitMs };
}

function dueOn(
  postOn: string,
  [debited, credited]: readonly [string, string],
): ScheduleTransactionInput {
  return {
    description: 'rent',
    postOn,
    postings: [
      { accountId: debited, direction: 'debit', amount: '1.00' },
      { accountId: credited, direction: 'credit', amount: '1.00' },
    ],
  };
}
