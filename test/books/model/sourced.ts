import type { Books, Line } from './books';
import { shown, type Direction } from './money';
import { post, type PostingBody, type Wanted } from './transactions';

/** The event of a transaction, which says how the postings of a fact were divided. */
export interface PostedFact {
  readonly transactionId: string;
  readonly effectiveDate: string;
  readonly postings: readonly (PostingBody & { readonly balanceAfter: string })[];
}

/**
 * Posts the transaction of an accrual or a close. What it moves is the model's; in which order, the
 * contract leaves open, and the event says.
 * @param facts undefined: a dry run, which has no events
 */
export function postSourced(
  books: Books,
  of: Omit<Wanted, 'lines'>,
  lines: readonly Line[],
  facts: readonly PostedFact[] | undefined,
): void {
  const fact = facts?.find(({ transactionId }) => transactionId === of.id);
  if (facts) {
    expect(fact?.effectiveDate).toBe(of.date);
    const postings = fact?.postings.map((p) => [p.accountId, p.direction, p.amount]) ?? [];
    const expected = together(lines).map(({ accountId, direction, minor }) => {
      return [accountId, direction, shown(minor, books.account(accountId).digits)];
    });
    expect(postings.sort()).toEqual(expected.sort());
  }
  const inOrder = fact?.postings.map((p) => {
    return together(lines).find((l) => l.accountId === p.accountId && l.direction === p.direction)!;
  });
  post(books, { ...of, lines: inOrder ?? together(lines) });
}

/** One posting for each side of an account. */
function together(lines: readonly Line[]): Line[] {
  const sums = new Map<string, Line>();
  for (const line of lines) {
    const key = `${line.accountId} ${line.direction satisfies Direction}`;
    sums.set(key, { ...line, minor: (sums.get(key)?.minor ?? 0n) + line.minor });
  }
  return [...sums.values()];
}
