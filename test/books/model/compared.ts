import type { ApiClient } from '../../harness/api-client';
import { viewOf } from './accounts';
import type { Books } from './books';
import { holdView } from './holds';
import { isWhole } from './interest';
import { limitView } from './limits';
import { lateEntries } from './periods';
import { scheduleView } from './schedules';

interface Item extends Record<string, unknown> {
  readonly id: string;
}

/** Reads everything by the API, and expects it to be as the model has it. */
export async function expectSameBooks(api: ApiClient, books: Books): Promise<void> {
  await expectSame(api, 'accounts', books.accounts, (account) => viewOf(books, account));
  await expectSame(api, 'holds', books.holds, (hold) => holdView(books, hold));
  await expectSame(api, 'limits', books.limits, (limit) => limitView(books, limit));
  await expectSame(api, 'scheduled-transactions', books.schedules, (schedule) =>
    scheduleView(books, schedule),
  );
  await expectSame(api, 'period-closes', books.closes, (close) => {
    const { id, through, digest, transactionIds, reopenedAfter } = close;
    const reopened = reopenedAfter === null ? { reopened: null } : {};
    return { id, through, digest, transactionIds, ...reopened };
  });
  await expectSame(api, 'interest-accruals', books.accruals, (accrual) => {
    const { id, transactionIds, isReversed, terms } = accrual;
    return { id, transactionIds, through: terms.through, ...(!isReversed && { reversal: null }) };
  });
  for (const account of books.accounts.values()) {
    if (['asset', 'liability'].includes(account.type)) expect(isWhole(books, account)).toBe(true);
  }
}

/** What takes longer: every transaction, and what came late into each period. */
export async function expectSameHistory(api: ApiClient, books: Books): Promise<void> {
  await expectSame(api, 'transactions', books.transactions, (transaction) => {
    const { id, clientId, date: effectiveDate, reversedBy, source } = transaction;
    return { id, clientId, effectiveDate, reversedBy, source };
  });
  for (const close of books.closes.values()) {
    const late = await all(api, `period-closes/${close.id}/late-entries`);
    expect(late.map((entry) => entry['transactionId'])).toEqual(lateEntries(books, close));
  }
}

async function expectSame<T extends { readonly id: string }>(
  api: ApiClient,
  path: string,
  expected: ReadonlyMap<string, T>,
  view: (item: T) => object,
): Promise<void> {
  const items = await all(api, path);
  expect(items.map(({ id }) => id)).toEqual([...expected.keys()]);
  for (const item of items) {
    expect({ path, ...item }).toMatchObject({ path, ...view(expected.get(item.id)!) });
  }
}

async function all(api: ApiClient, path: string): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? '' : `&cursor=${cursor}`;
    const { body } = await api.get<{ data: Item[]; nextCursor: string | null }>(
      `/v1/${path}?limit=200${next}`,
    );
    items.push(...body.data);
    cursor = body.nextCursor;
  } while (cursor !== null);
  return items;
}
