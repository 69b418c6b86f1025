import { OpenAccount } from '../accounts/account.creators';
import { ReverseTransaction, PostTransaction } from '../transactions/transaction.creators';
import type { TransactionPostedData } from '../transactions/transaction.events';
import { ChangeLimit, CreateLimit, RemoveLimit } from './limit.creators';
import type { CreateLimitInput } from './limit.creators';
import { Story } from '../../../test/harness/story';

/** A wallet that pays into a shop, in a story whose time goes on. */
class Wallet {
  private constructor(readonly story: Story) {}

  static async at(now: string, timeZone = 'UTC'): Promise<Wallet> {
    const story = new Story(undefined, timeZone);
    story.now = now;
    for (const clientId of ['wallet', 'shop']) {
      const account = { clientId, name: clientId, type: 'asset', currency: 'EUR' } as const;
      await story.given(OpenAccount, account);
    }
    return new Wallet(story);
  }

  limit(input: Partial<CreateLimitInput>) {
    return this.story.given(CreateLimit, {
      ...{ accountId: 'client:wallet', direction: 'credit', currency: 'EUR', per: 'day' },
      ...input,
    });
  }

  /** What is used afterwards, or the refusal's code, `used` and `resetsAt`. */
  async pay(amount: string, now = this.story.now) {
    this.story.now = now;
    const { refusal, events } = await this.story.when(PostTransaction, {
      description: 'A purchase',
      postings: [
        { accountId: 'client:shop', direction: 'debit', amount },
        { accountId: 'client:wallet', direction: 'credit', amount },
      ],
    });
    if (refusal) {
      const { used, resetsAt } = refusal.details;
      return [refusal.code, used, resetsAt];
    }
    const { limits } = events[0]!.data as TransactionPostedData;
    return limits?.flatMap(({ uses }) => uses.map((u) => [u.amount, u.count, u.resetsAt]));
  }
}

const EXCEEDED = 'velocity_limit_exceeded';

describe('a velocity limit', () => {
  it.each([
    ['day', '2026-03-04T22:59:59.999Z', '2026-03-04T23:00:00.000Z'],
    ['week', '2026-03-08T22:59:59.999Z', '2026-03-08T23:00:00.000Z'],
    // Summer time begins on the 29th, so that April begins an hour earlier in UTC.
    ['month', '2026-03-31T21:59:59.999Z', '2026-03-31T22:00:00.000Z'],
  ] as const)('holds for a %s of the book, to its last millisecond', async (per, last, next) => {
    const wallet = await Wallet.at('2026-03-04T12:00:00.000Z', 'Europe/Berlin');
    await wallet.limit({ amount: '100', per });
    expect(await wallet.pay('60')).toEqual([['60.00', 1, next]]);
    expect(await wallet.pay('40.01', last)).toEqual([EXCEEDED, '60.00', next]);
    expect(await wallet.pay('40', last)).toEqual([['100.00', 2, next]]);
    expect(await wallet.pay('0.01', last)).toEqual([EXCEEDED, '100.00', next]);
    expect(await wallet.pay('100', next)).toMatchObject([['100.00', 1, expect.any(String)]]);
  });

  it('has days of 23 and of 25 hours where the time changes', async () => {
    const wallet = await Wallet.at('2026-03-28T23:00:00.000Z', 'Europe/Berlin');
    await wallet.limit({ amount: '100' });
    expect(await wallet.pay('1')).toEqual([['1.00', 1, '2026-03-29T22:00:00.000Z']]);
    const autumn = '2026-10-24T22:00:00.000Z';
    expect(await wallet.pay('1', autumn)).toEqual([['1.00', 1, '2026-10-25T23:00:00.000Z']]);
    expect(await wallet.pay('1', '2026-10-25T22:59:59.999Z')).toMatchObject([['2.00', 2, {}]]);
    expect(await wallet.pay('1', '2026-10-25T23:00:00.000Z')).toMatchObject([['1.00', 1, {}]]);
  });

  it('counts transactions, however many postings of them it concerns', async () => {
    const wallet = await Wallet.at('2026-03-04T12:00:00.000Z');
    await wallet.limit({ count: 2 });
    const { story } = wallet;
    await story.given(PostTransaction, {
      description: 'Two purchases in one',
      postings: [
        { accountId: 'client:shop', direction: 'debit', amount: '3' },
        { accountId: 'client:wallet', direction: 'credit', amount: '1' },
        { accountId: 'client:wallet', direction: 'credit', amount: '2' },
      ],
    });
    const end = '2026-03-05T00:00:00.000Z';
    expect(await wallet.pay('1')).toEqual([['4.00', 2, end]]);
    expect(await wallet.pay('1')).toEqual([EXCEEDED, '2', end]);
  });

  it('is gross, and reversals give nothing back', async () => {
    const wallet = await Wallet.at('2026-03-04T12:00:00.000Z');
    await wallet.limit({ amount: '10' });
    const { story } = wallet;
    const { id: transactionId } = await story.given(PostTransaction, {
      description: 'A purchase',
      postings: [
        { accountId: 'client:shop', direction: 'debit', amount: '8' },
        { accountId: 'client:wallet', direction: 'credit', amount: '8' },
      ],
    });
    await story.given(ReverseTransaction, { transactionId });
    expect(await wallet.pay('2.01')).toMatchObject([EXCEEDED, '8.00', {}]);
    expect(await wallet.pay('2')).toMatchObject([['10.00', 2, {}]]);
  });

  it('is one of several, which all hold, and none when it was removed', async () => {
    const wallet = await Wallet.at('2026-03-04T12:00:00.000Z');
    const daily = await wallet.limit({ amount: '10' });
    const monthly = await wallet.limit({ amount: '15', count: 3, per: 'month' });
    await wallet.limit({ amount: '1', direction: 'debit' });
    expect(await wallet.pay('9')).toMatchObject([
      ['9.00', 1, {}],
      ['9.00', 1, {}],
    ]);
    expect(await wallet.pay('7', '2026-03-05T12:00:00.000Z')).toMatchObject([EXCEEDED, '9.00', {}]);
    const { story } = wallet;
    await story.given(ChangeLimit, { limitId: monthly.id, amount: null });
    expect(await wallet.pay('7')).toMatchObject([
      ['7.00', 1, {}],
      ['16.00', 2, {}],
    ]);
    await story.given(RemoveLimit, { limitId: daily.id });
    expect(await wallet.pay('70')).toMatchObject([['86.00', 3, {}]]);
    expect(await wallet.pay('1')).toMatchObject([EXCEEDED, '3', '2026-04-01T00:00:00.000Z']);
    await story.given(RemoveLimit, { limitId: monthly.id });
    expect(await wallet.pay('7000')).toBeUndefined();
  });

  it.each([
    [{ amount: '1' }, 'account_not_found', { accountId: 'client:nobody' }],
    [{ amount: '1' }, 'currency_mismatch', { currency: 'USD' }],
    [{ amount: '1.001' }, 'validation_failed', {}],
    [{}, 'validation_failed', {}],
    [{ count: 1 }, 'validation_failed', { accountId: undefined }],
  ])('of %j is refused: %s', async (most, code, rest) => {
    const wallet = await Wallet.at('2026-03-04T12:00:00.000Z');
    const { refusal } = await wallet.story.when(CreateLimit, {
      ...{ accountId: 'client:wallet', direction: 'credit', currency: 'EUR', per: 'day' },
      ...most,
      ...rest,
    });
    expect(refusal?.code).toBe(code);
  });

  it('is changed and removed once, and there are twenty at most', async () => {
    const wallet = await Wallet.at('2026-03-04T12:00:00.000Z');
    const limits = [];
    for (let i = 0; i < 20; i++) limits.push(await wallet.limit({ count: i, clientId: `l${i}` }));
    const { story } = wallet;
    const code = async (creator: typeof RemoveLimit, limitId: string) =>
      (await story.when(creator, { limitId })).refusal?.code;
    const another = { accountId: 'client:wallet', direction: 'credit', currency: 'EUR' } as const;
    const more = await story.when(CreateLimit, { ...another, per: 'day', count: 1 });
    expect(more.refusal?.code).toBe('too_many_limits');
    const same = { ...another, per: 'day', count: 1, clientId: 'l3' } as const;
    expect((await story.when(CreateLimit, same)).refusal?.code).toBe('client_id_taken');
    const unchanged = await story.when(ChangeLimit, { limitId: 'client:l3', count: 3 });
    expect([unchanged.events, unchanged.answer]).toEqual([[], limits[3]]);
    const none = await story.when(ChangeLimit, { limitId: 'client:l3', count: null });
    expect(none.refusal?.code).toBe('validation_failed');
    expect(await story.given(RemoveLimit, { limitId: 'client:l3' })).toMatchObject({ version: 2 });
    expect(await code(RemoveLimit, 'client:l3')).toBe('limit_removed');
    expect(await code(ChangeLimit, 'client:l3')).toBe('limit_removed');
    expect(await code(RemoveLimit, 'client:none')).toBe('not_found');
  });
});
