import { brokenLimits, isOpenAt, touch } from './accounts';
import {
  againstClientId,
  besides,
  named,
  refuse,
  Refused,
  type Books,
  type Hold,
  type Line,
} from './books';
import { exceeded, moved } from './limits';
import { shown } from './money';
import { against, againstDay, linesOf, post, type PostingBody } from './transactions';

export interface HoldBody {
  readonly clientId?: string;
  readonly expiresAt?: string;
  readonly postings: readonly PostingBody[];
}

export function place(books: Books, body: HoldBody, id: string): object {
  const { clientId = null, expiresAt = null, postings } = body;
  const isPast = expiresAt !== null && expiresAt <= books.now;
  const reasons = againstClientId(books.holds, clientId);
  if (isPast) reasons.push({ code: 'validation_failed' });
  const lines = besides(reasons, () => linesOf(books, postings));
  reasons.push(...against(books, lines, postings), ...exceeded(books, lines));
  const held = lines.map((line) => ({ ...line, captured: 0n }));
  const hold = { id, clientId, lines: held, status: 'held', expiresAt, transactionIds: [] };
  books.holds.set(id, hold);
  reasons.push(...brokenLimits(books, lines).map((code) => ({ code })));
  if (reasons.length > 0) throw new Refused(reasons);
  touch(books, lines);
  moved(books, lines);
  return holdView(books, hold);
}

export interface CaptureBody {
  readonly clientId?: string;
  readonly effectiveDate?: string;
  readonly final?: boolean;
  readonly postings?: readonly PostingBody[];
}

/** Moves money that a hold counted against limits already. */
export function capture(books: Books, reference: string, body: CaptureBody, id: string): object {
  const hold = named(books.holds, reference);
  if (!isOpenAt(hold, books)) refuse('hold_not_open');
  const { clientId, effectiveDate: date = books.today, postings, final = true } = body;
  const others = againstClientId(books.transactions, clientId ?? null);
  others.push(...againstDay(books, date));
  const lines = postings ? besides(others, () => linesOf(books, postings)) : leftOf(hold);
  const after = captured(hold, lines);
  if (!after) {
    others.push(...against(books, lines, postings));
    throw new Refused([{ code: 'hold_exceeded' }, ...others]);
  }
  const rest = leftOf(after);
  touch(books, final ? [...lines, ...rest] : lines);
  books.holds.set(hold.id, {
    ...after,
    status: final || rest.length === 0 ? 'captured' : 'held',
    transactionIds: [...hold.transactionIds, id],
  });
  return post(books, { id, clientId, date, lines, holdId: hold.id }).view;
}

export function drop(books: Books, reference: string): object {
  const hold = named(books.holds, reference);
  if (!isOpenAt(hold, books)) refuse('hold_not_open');
  touch(books, leftOf(hold));
  return holdView(books, books.change(books.holds, hold.id, { status: 'voided' }));
}

/** Takes in that somebody has recorded the end of a hold; its time has to be over. */
export function expire(books: Books, id: string): void {
  const hold = books.holds.get(id);
  if (hold?.status !== 'held' || isOpenAt(hold, books)) {
    throw new Error(`Hold ${id} expired, which is ${hold?.status} until ${hold?.expiresAt}`);
  }
  touch(books, leftOf(hold));
  books.change(books.holds, id, { status: 'expired' });
}

/** What is left of a hold. */
export function leftOf({ lines }: Pick<Hold, 'lines'>): Line[] {
  return lines.flatMap(({ accountId, direction, minor, captured: taken }) => {
    return minor > taken ? [{ accountId, direction, minor: minor - taken }] : [];
  });
}

/** The hold after a capture of lines; undefined: they are more than is left. */
function captured(hold: Hold, lines: readonly Line[]): Hold | undefined {
  const after = hold.lines.map((line) => ({ ...line }));
  for (const { accountId, direction, minor } of lines) {
    let wanted = minor;
    for (const line of after) {
      if (line.accountId !== accountId || line.direction !== direction) continue;
      const left = line.minor - line.captured;
      const taken = wanted < left ? wanted : left;
      Object.assign(line, { captured: line.captured + taken });
      wanted -= taken;
    }
    if (wanted > 0n) return undefined;
  }
  return { ...hold, lines: after };
}

/** The hold as the API shows it, apart from times of its own. */
export function holdView(books: Books, hold: Hold): object {
  const { id, clientId, status, expiresAt, transactionIds } = hold;
  const postings = hold.lines.map(({ accountId, direction, minor, captured: taken }) => {
    const { currency, digits } = books.account(accountId);
    const money = { amount: shown(minor, digits), captured: shown(taken, digits) };
    return { accountId, direction, ...money, currency };
  });
  return { id, clientId, status, expiresAt, transactionIds, postings };
}
