import { againstClientId, besides, named, refusalOf, refuse, Refused } from './books';
import type { Books, Reason, Run, Schedule } from './books';
import { addDays, addMonths, startOf } from './days';
import { shown } from './money';
import { against, linesOf, post, type PostingBody } from './transactions';

export interface ScheduleBody {
  readonly clientId?: string;
  readonly postings: readonly PostingBody[];
  readonly postOn: string;
  readonly repeat?: string;
  readonly until?: string;
}

export function schedule(books: Books, body: ScheduleBody, id: string): object {
  const { clientId = null, postings, postOn, repeat = null, until = null } = body;
  const isOver = until !== null && (repeat === null || until < postOn);
  const reasons = againstClientId(books.schedules, clientId);
  if (postOn < books.today || isOver) reasons.push({ code: 'validation_failed' });
  const lines = besides(reasons, () => linesOf(books, postings));
  // Whether accounts are open, or have enough, counts on the day.
  const wrong = ['zero_amount', 'unbalanced_transaction'];
  reasons.push(...against(books, lines).filter(({ code }) => wrong.includes(code)));
  if (reasons.length > 0) throw new Refused(reasons);
  const days = { postOn, repeat, until, nextOn: postOn };
  const scheduled = { id, clientId, lines, ...days, status: 'scheduled', runs: [] };
  books.schedules.set(id, scheduled);
  return scheduleView(books, scheduled);
}

export function cancel(books: Books, reference: string): object {
  const { id, status } = named(books.schedules, reference);
  if (status !== 'scheduled') refuse('scheduled_transaction_not_open');
  const changes = { status: 'cancelled', nextOn: null };
  return scheduleView(books, books.change(books.schedules, id, changes));
}

/** Those whose day has begun at an instant, by the instant in which it did. */
export function due(books: Books, at: string): Schedule[] {
  const begun = [...books.schedules.values()].filter(
    ({ nextOn }) => nextOn !== null && startOf(nextOn) <= at,
  );
  return begun.sort((a, b) => (a.nextOn! < b.nextOn! ? -1 : 1));
}

/**
 * Runs one for the day that it is due on. Limits apply at the time of the command, and the day is
 * the effective date.
 * @param transactionId undefined: the program has refused it
 * @returns the transaction as the API shows it; of a refusal all its reasons
 */
export function run(
  books: Books,
  id: string,
  transactionId: string | undefined,
): { view: object } | { reasons: readonly Reason[] } {
  const { nextOn: on, lines } = books.schedules.get(id)!;
  const attempt = books.copy();
  const wanted = { id: transactionId ?? 'refused', date: on!, lines };
  let view = {};
  const reasons = refusalOf(() => ({ view } = post(attempt, wanted)));
  if (reasons.length > 0) return { reasons };
  books.take(attempt);
  return { view };
}

/** Takes in what became of a day. */
export function ran(books: Books, id: string, how: Run): void {
  const { runs, ...of } = books.schedules.get(id)!;
  const nextOn = dayAfter(of);
  const ended = of.repeat !== null ? 'ended' : how.refusal === null ? 'posted' : 'refused';
  const status = nextOn === null ? ended : 'scheduled';
  books.change(books.schedules, id, { runs: [...runs, how], nextOn, status });
}

/** Days of months and years are counted from the first, which is the 31st again after February. */
function dayAfter({ postOn, nextOn, repeat, until }: Omit<Schedule, 'runs'>): string | null {
  if (repeat === null) return null;
  const step = { monthly: 1, yearly: 12 }[repeat];
  let next = addDays(nextOn!, repeat === 'daily' ? 1 : 7);
  if (step !== undefined) {
    let months = 0;
    do next = addMonths(postOn, (months += step));
    while (next <= nextOn!);
  }
  return until !== null && next > until ? null : next;
}

/** As the API shows it, apart from times; of its runs there are the last hundred. */
export function scheduleView(books: Books, { lines, runs, ...of }: Schedule): object {
  const postings = lines.map(({ accountId, direction, minor }) => {
    const { currency, digits } = books.account(accountId);
    return { accountId, direction, amount: shown(minor, digits), currency };
  });
  return { ...of, postings, runs: runs.slice(-100) };
}
