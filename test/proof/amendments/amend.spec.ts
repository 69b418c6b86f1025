import type { EventAmendedData } from '../../../src/engine/catch-up/amendment.events';
import { TransactionPosted } from '../../../src/books/transactions/transaction.events';
import { query } from '../../harness/cluster';
import { dumpState } from '../../harness/invariants';
import { expectNothingLeft, verifyOf } from '../replay/some-books';
import { startAmendedBooks, type AmendedBooks } from './amended-books';

/** The transaction says that it was amended, and so does its history. */
async function expectShown(
  { service }: AmendedBooks,
  id: string,
  amended: { at: string | null; by: string; reason: string },
): Promise<void> {
  const path = `/v1/transactions/${id}`;
  const { body } = await service.api.get(path);
  expect(body).toMatchObject({ amended, postings: [{ amount: '70.00' }, {}] });
  const told = await service.api.get<{ data: object[] }>(`${path}/history?order=desc`);
  expect(told.body.data[0]).toMatchObject({
    type: 'EventAmended',
    changes: [{ field: 'amended', before: null, after: amended }],
  });
}

describe('an amended event', () => {
  it('changes the books, is backed up, and the chain proves what was and what is', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const last = await books.transfer('10.00');
    const before = await books.event(position);
    const data = await books.withAmount(position, '70.00');
    const reason = 'The bank said 70';
    const { status, body, headers } = await books.amend(position, { data, reason });
    expect(body).toMatchObject({
      position,
      eventId: before.eventId,
      type: 'TransactionPosted',
      version: TransactionPosted.version,
      fromVersion: TransactionPosted.version,
      amendment: 1,
      data,
      reason,
      amendedBy: 'admin',
      amendedAtPosition: last + 1,
      also: [],
    });
    expect(status).toBe(200);
    expect(headers.get('ledger-position')).toBe(String(last + 1));
    const { tables, tasks } = body.differences;
    // The amounts of the one, and the balances after the other; and what the one is found by.
    expect(tables).toMatchObject([
      { table: 'entries', missing: 0, extra: 0, changed: 4, firstDivergingPosition: position },
      { table: 'search_heads', missing: 0, extra: 0, changed: 1 },
    ]);
    expect(tasks).toMatchObject({ missing: 0, extra: 0 });
    expect(await books.balance()).toBe('80.00');
    const amended = await books.event(position);
    expect(amended).toEqual({
      ...before,
      data,
      amended: { amendment: 1, at: body.amendedAt, by: 'admin', reason, position: last + 1 },
    });
    const { transactionId } = data as unknown as { transactionId: string };
    await expectShown(books, transactionId, { at: body.amendedAt, by: 'admin', reason });
    const said = await books.event(last + 1);
    expect(said).toMatchObject({ type: 'EventAmended', amended: null });
    expect(said.data).toMatchObject({
      position,
      eventId: before.eventId,
      type: before.type,
      amendment: 1,
      reason,
      fromVersion: TransactionPosted.version,
      toVersion: TransactionPosted.version,
      originalDigest: body.originalDigest,
      dataDigest: body.dataDigest,
      tasksDiffer: null,
    } satisfies Partial<EventAmendedData>);
    expect((await books.backups()).data).toEqual([
      {
        position,
        amendment: 1,
        eventId: before.eventId,
        type: before.type,
        version: TransactionPosted.version,
        data: before.data,
        amendedAt: body.amendedAt,
        amendedBy: 'admin',
        reason,
        amendedAtPosition: last + 1,
      },
    ]);
  });

  it('is followed by what is written next', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const data = await books.withAmount(position, '80.00');
    const { body } = await books.amend(position, { data, reason: 'x' });
    // The service goes on with the new state at once.
    expect(await books.balance()).toBe('80.00');
    const next = await books.transfer('1.00');
    expect(next).toBe(body.amendedAtPosition! + 1);
    expect(await books.balance()).toBe('81.00');
    expect(await verifyOf(books.service)).toMatchObject({
      status: 'passed',
      chain: { ok: true },
      log: [],
    });
  });

  it('shows in a dry run what it would change, and keeps nothing', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const { urls } = books.service;
    const state = await dumpState(urls.state);
    const log = () =>
      query(
        urls.log,
        `select (select count(*) from event_log), (select count(*) from command_log),
         (select count(*) from event_backup), (select json_agg(e.*)::text from event_log e)`,
      );
    const before = await log();
    const data = await books.withAmount(position, '70.00');
    const request = { data, reason: 'What if?' };
    const options = { dryRun: true, idempotencyKey: 'k' };
    const { status, body, headers } = await books.amend(position, request, options);
    expect(status).toBe(200);
    expect(headers.get('dry-run')).toBe('true');
    expect(body).toMatchObject({
      position,
      amendment: 1,
      amendedAt: null,
      amendedAtPosition: null,
      differences: {
        tables: [
          { table: 'entries', changed: 2, firstDivergingPosition: position },
          { table: 'search_heads', changed: 1 },
        ],
      },
    });
    const samples = body.differences.tables[0]!.samples;
    expect(samples).toContainEqual(
      expect.objectContaining({ column: 'debits_after', live: '10000', rebuilt: '7000' }),
    );
    expect(await log()).toEqual(before);
    expect(await dumpState(urls.state)).toEqual(state);
    await expectNothingLeft(books.service.databases);
    // The key was not used up.
    const real = await books.amend(position, request, { idempotencyKey: 'k' });
    expect(real.status).toBe(200);
    expect(real.body.originalDigest).toBe(body.originalDigest);
    expect(real.body.dataDigest).toBe(body.dataDigest);
  });

  it('is amended again, and restored', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const first = await books.event(position);
    for (const amount of ['70.00', '50.00']) {
      const data = await books.withAmount(position, amount);
      expect((await books.amend(position, { data, reason: amount })).status).toBe(200);
      expect(await books.balance()).toBe(amount);
      expect((await verifyOf(books.service)).status).toBe('passed');
    }
    const restored = await books.restore(position, 1);
    expect(restored.status).toBe(200);
    expect(restored.body).toMatchObject({ amendment: 3, data: first.data });
    expect(await books.balance()).toBe('100.00');
    expect((await books.event(position)).data).toEqual(first.data);
    expect((await verifyOf(books.service)).status).toBe('passed');
    expect((await books.restore(position, 1)).body.code).toBe('nothing_to_amend');
    expect((await books.restore(position, 3)).body.data).toMatchObject({
      postings: [{ amount: '50.00' }, { amount: '50.00' }],
    });
    expect(await books.balance()).toBe('50.00');
    const { data, nextCursor } = await books.backups('?limit=3&order=desc');
    expect(data.map(({ amendment }) => amendment)).toEqual([4, 3, 2]);
    const rest = await books.backups(`?limit=3&cursor=${nextCursor}`);
    expect(rest.data.map((backup) => backup.data)).toEqual([first.data]);
    expect(rest.nextCursor).toBeNull();
  });
});

describe('a request to amend an event', () => {
  let books: AmendedBooks;
  let position: number;
  beforeEach(async () => {
    books = await startAmendedBooks();
    position = await books.transfer('100.00');
  });

  const refused = async (at: number | string, data: unknown, status: number, code: string) => {
    const answer = await books.amend(at, { data, reason: 'A try' });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    return answer.body as unknown as { detail: string; errors: { pointer: string }[] };
  };

  it('is refused where there is nothing to amend', async () => {
    const data = await books.withAmount(position, '1.00');
    for (const at of [position + 1, 0, -1, 'x', '1e1', '9007199254740993', '01']) {
      await refused(at, data, 404, 'not_found');
    }
    const now = (await books.event(position)).data;
    await refused(position, now, 422, 'nothing_to_amend');
    expect((await books.restore(position, 1)).status).toBe(404);
    expect((await books.restore(position, 0)).status).toBe(404);
  });

  it('is refused where the data is not that of such an event', async () => {
    const data = await books.withAmount(position, '1.00');
    const wrong = { ...data, postings: [{ ...data.postings[0], amount: '1e2' }], more: 1 };
    const { errors } = await refused(position, wrong, 400, 'validation_failed');
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual([
      '/data/more',
      '/data/postings/0/amount',
    ]);
    for (const nothing of [null, [], 'x', undefined]) {
      const body = await refused(position, nothing, 400, 'validation_failed');
      expect(body.errors).toMatchObject([{ pointer: '/data' }]);
    }
    const noReason = await books.amend(position, { data });
    expect(noReason.body).toMatchObject({ errors: [{ pointer: '/reason' }] });
    const [debit, credit] = data.postings;
    const unbalanced = { ...data, postings: [debit, { ...credit, amount: '2.00' }] };
    await refused(position, unbalanced, 422, 'unbalanced_transaction');
    const few = await refused(position, { ...data, postings: [] }, 400, 'validation_failed');
    expect(few.errors).toMatchObject([{ pointer: '/data/postings' }]);
    const zero = { ...data, postings: data.postings.map((p) => ({ ...p, amount: '0.00' })) };
    await refused(position, zero, 422, 'zero_amount');
    expect(await books.balance()).toBe('100.00');
  });

  it('is refused where no state could be built any longer, and changes nothing', async () => {
    const data = await books.withAmount(position, '1.00');
    const { urls } = books.service;
    const state = await dumpState(urls.state);
    const [debit, credit] = data.postings;
    const nobody = '00000000-0000-4000-8000-000000000001';
    const unknown = { ...data, postings: [{ ...debit, accountId: nobody }, credit] };
    const own = await refused(position, unknown, 422, 'amendment_not_materializable');
    expect(own.detail).toContain(`Event ${position} (TransactionPosted`);
    expect(own.detail).toContain(`No account ${nobody}`);
    const dry = await books.amend(position, { data: unknown, reason: 'x' }, { dryRun: true });
    expect(dry).toMatchObject({ status: 422, body: { code: 'amendment_not_materializable' } });
    // Without this account the later transaction cannot be.
    const opened = await books.event(1);
    const other = { ...opened.data, accountId: nobody };
    const later = await refused(1, other, 422, 'amendment_not_materializable');
    expect(later.detail).toContain(`Event ${position} (TransactionPosted`);
    expect(await dumpState(urls.state)).toEqual(state);
    expect((await books.backups()).data).toEqual([]);
    await expectNothingLeft(books.service.databases);
    expect((await verifyOf(books.service)).status).toBe('passed');
  });

  it('is refused where accounts of one currency would have other digits than others', async () => {
    const books = await startAmendedBooks();
    await books.transfer('1.05');
    const [cash, equity] = [await books.event(1), await books.event(2)];
    const alone = { data: { ...cash.data, digits: 3 }, reason: 'x' };
    const { status, body } = await books.amend(1, alone);
    expect([status, body.code]).toEqual([422, 'amendment_not_materializable']);
    expect(body.detail).toContain('Event 2 (AccountOpened');
    const also = (digits: number) => [{ position: 2, data: { ...equity.data, digits } }];
    // Nor can it take decimals away that amounts have.
    const fewer = await books.amend(1, {
      ...{ data: { ...cash.data, digits: 1 }, also: also(1), reason: 'x' },
    });
    expect([fewer.status, fewer.body.code]).toEqual([422, 'amendment_not_materializable']);
    expect(await books.balance()).toBe('1.05');
    const both = await books.amend(1, { ...alone, also: also(3) });
    expect([both.status, await books.balance()]).toEqual([200, '1.050']);
  });

  it('is refused where it would reverse what is posted only after it', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('1.00');
    const later = await books.transfer('2.00');
    const { transactionId } = (await books.event(later)).data as { transactionId: string };
    const data = { ...(await books.event(position)).data, reverses: transactionId };
    const { status, body } = await books.amend(position, { data, reason: 'x' });
    expect({ status, code: body.code }).toEqual({
      status: 422,
      code: 'amendment_not_materializable',
    });
    expect(body.detail).toContain(`Event ${position} `);
  });

  it('is refused for what says that another event was amended', async () => {
    const data = await books.withAmount(position, '1.00');
    const { body } = await books.amend(position, { data, reason: 'x' });
    const said = await books.event(body.amendedAtPosition!);
    await refused(said.position, { ...said.data, reason: 'y' }, 422, 'event_not_amendable');
  });
});
