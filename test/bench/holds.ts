import { setTimeout as pause } from 'node:timers/promises';
import { CaptureHold } from '../../src/books/holds/capture.creator';
import { PlaceHold, type PlaceHoldInput } from '../../src/books/holds/hold.creators';
import { HoldExpiry } from '../../src/books/holds/hold.schedule';
import type { Creator } from '../../src/engine/define/creator';
import type { OpenLedger } from '../../src/engine/open-ledger';
import type { ChoosePair } from './engine-load';
import { watch } from './interest';

const ACTOR = 'bench';
const PLACE_IN_FLIGHT = 512;
/** Holds that are placed in a second at most, for the instant at which all of them expire. */
const PLACED_PER_S = 5_000;

/** Places holds and captures them, `inFlight` at once. @returns pairs a second */
export async function measureHoldPairs(
  { ledger }: OpenLedger,
  pair: ChoosePair,
  inFlight: number,
  durationMs: number,
): Promise<number> {
  let pairs = 0;
  const begin = performance.now();
  const end = begin + durationMs;
  const loop = async () => {
    while (performance.now() < end) {
      const { id: holdId } = await accept(ledger, PlaceHold, holdOf(pair()));
      await accept(ledger, CaptureHold, { holdId });
      pairs++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return pairs / ((performance.now() - begin) / 1000);
}

/** What the service did at once, because its time had come. */
export interface DueLoad {
  readonly seconds: number;
  /** The longest that another command waited meanwhile. */
  readonly longestWaitMs: number;
}

/** Places holds that expire together, and has the service find them when their time is over. */
export async function measureExpiry(
  open: OpenLedger,
  pair: ChoosePair,
  holds: number,
): Promise<DueLoad> {
  const { ledger, serviceState } = open;
  const together = Date.now() + 1_000 + (1_000 * holds) / PLACED_PER_S;
  let left = holds;
  let last = together;
  const loop = async () => {
    while (left-- > 0) {
      // On a slow machine the rest expires a little later.
      last = Math.max(together, Date.now() + 2_000);
      const expiresAt = new Date(last).toISOString();
      await accept(ledger, PlaceHold, { ...holdOf(pair()), expiresAt });
    }
  };
  await Promise.all(Array.from({ length: PLACE_IN_FLIGHT }, loop));
  await pause(Math.max(0, last + 100 - Date.now()));
  const [debited] = pair();
  const watched = watch(ledger, debited);
  const before = ledger.head.position;
  const begin = performance.now();
  await new HoldExpiry(serviceState, ledger).run();
  const seconds = (performance.now() - begin) / 1000;
  const { longestWaitMs } = await watched.stop();
  const expired = ledger.head.position - before;
  if (expired < holds) throw new Error(`${expired} events after ${holds} holds`);
  return { seconds, longestWaitMs };
}

function holdOf([debited, credited]: readonly [string, string]): PlaceHoldInput {
  return {
    description: 'hold',
    postings: [
      { accountId: debited, direction: 'debit', amount: '1.00' },
      { accountId: credited, direction: 'credit', amount: '1.00' },
    ],
  };
}

async function accept<Input, Answer>(
  ledger: OpenLedger['ledger'],
  creator: Creator<Input, Answer>,
  input: Input,
): Promise<Answer> {
  const outcome = await ledger.submit({ creator, input, actor: ACTOR });
  if (outcome.kind === 'refused') throw outcome.refusal;
  return outcome.answer;
}
