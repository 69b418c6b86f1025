import { Story, STORY_TIME } from '../../../test/harness/story';
import { ChangeAccount, FreezeAccount } from '../accounts/account-change.creators';
import { CloseAccount, OpenAccount, type OpenAccountInput } from '../accounts/account.creators';
import type { PostingInput } from '../transactions/posting.rules';
import { PostTransaction, ReverseTransaction } from '../transactions/transaction.creators';
import { CaptureHold, type CaptureHoldInput } from './capture.creator';
import { PlaceHold, VoidHold, type PlaceHoldInput } from './hold.creators';

const LATER = '2026-03-05T00:00:00.000Z';

/** `debit anna 10`: one posting of each. */
function postings(...texts: string[]): PostingInput[] {
  return texts.map((text) => {
    const [direction, clientId, amount] = text.split(' ') as ['debit' | 'credit', string, string];
    return { accountId: `client:${clientId}`, direction, amount };
  });
}

/** A shop, and Anna who has 100.00 and may not owe anything. */
async function prepared(): Promise<Story> {
  const story = new Story();
  const open = (clientId: string, rest: Partial<OpenAccountInput> = {}) =>
    story.given(OpenAccount, {
      ...{ clientId, name: clientId, type: 'liability', currency: 'USD' },
      ...rest,
    });
  await open('till', { type: 'asset' });
  await open('anna', { minBalance: '0' });
  await open('shop', { maxBalance: '120' });
  await open('yen', { currency: 'JPY' });
  await story.given(PostTransaction, {
    description: 'Deposit',
    postings: postings('debit till 100', 'credit anna 100'),
  });
  return story;
}

const hold = (amount: string, rest: Partial<PlaceHoldInput> = {}): PlaceHoldInput => ({
  clientId: 'hold',
  description: 'Dinner',
  postings: postings(`debit anna ${amount}`, `credit shop ${amount}`),
  ...rest,
});
const capture = (rest: Partial<CaptureHoldInput> = {}): CaptureHoldInput => ({
  holdId: 'client:hold',
  ...rest,
});

/** What an account has, read by a change that changes nothing. */
async function account(story: Story, clientId: string) {
  const { balance, pendingDebits, pendingCredits, available, version } = await story.given(
    ChangeAccount,
    { accountId: `client:${clientId}` },
  );
  return [balance, pendingDebits, pendingCredits, available, version];
}

describe('PlaceHold', () => {
  it('reserves on both sides, moves nothing, and tells everything', async () => {
    const story = await prepared();
    const { events, tasks, answer } = await story.when(
      PlaceHold,
      hold('30.5', { expiresAt: '2026-03-05T01:00:00+01:00', metadata: { table: '4' } }),
    );
    const [id] = [expect.stringMatching(/^[0-9a-f-]{36}$/) as string];
    const posting = { accountId: id, amount: '30.50', currency: 'USD' };
    const data = {
      ...{ clientId: 'hold', description: 'Dinner', expiresAt: LATER, holdId: id },
      metadata: { table: '4' },
      postings: [
        { ...posting, direction: 'debit' },
        { ...posting, direction: 'credit' },
      ],
    };
    expect(events).toEqual([{ type: 'HoldPlaced', data }]);
    expect(tasks).toEqual([]);
    const { clientId, description, expiresAt, metadata } = data;
    expect(answer).toEqual({
      ...{ clientId, description, expiresAt, metadata },
      ...{ id, status: 'held', transactionIds: [], version: 1, createdAt: STORY_TIME },
      postings: data.postings.map((one) => ({ ...one, captured: '0.00' })),
      position: 6,
    });
    expect(await account(story, 'anna')).toEqual(['100.00', '30.50', '0.00', '69.50', 3]);
    expect(await account(story, 'shop')).toEqual(['0.00', '0.00', '30.50', '0.00', 2]);
  });

  it('leaves out what a hold does not have', async () => {
    const story = await prepared();
    const { events } = await story.when(PlaceHold, hold('1', { clientId: undefined }));
    expect(Object.keys(events[0]!.data)).toEqual(['description', 'holdId', 'postings']);
  });

  it('is checked against what is available, and so is posting', async () => {
    const story = await prepared();
    await story.given(PlaceHold, hold('60'));
    const more = { ...hold('40.01'), clientId: 'more' };
    expect((await story.when(PlaceHold, more)).refusal?.code).toBe('insufficient_funds');
    const post = (amount: string) =>
      story.when(PostTransaction, { ...hold(amount), clientId: undefined });
    expect((await post('40.01')).refusal).toMatchObject({ code: 'insufficient_funds' });
    expect((await post('40')).refusal).toBeUndefined();
    expect(await account(story, 'anna')).toEqual(['60.00', '60.00', '0.00', '0.00', 4]);
  });

  it('counts what holds may add against the maximum', async () => {
    const story = await prepared();
    await story.given(ChangeAccount, { accountId: 'client:anna', minBalance: null });
    await story.given(PlaceHold, hold('100'));
    const more = { ...hold('20.01'), clientId: 'more' };
    expect((await story.when(PlaceHold, more)).refusal?.code).toBe('balance_limit_exceeded');
    const posted = await story.when(PostTransaction, { ...hold('20.01'), clientId: 'more' });
    expect(posted.refusal?.code).toBe('balance_limit_exceeded');
    expect((await story.when(PlaceHold, { ...more, ...hold('20') })).refusal?.code).toBe(
      'client_id_taken',
    );
    const { refusal } = await story.when(PlaceHold, hold('20', { clientId: 'more' }));
    expect(refusal).toBeUndefined();
  });

  it('has debits and credits of one account not cancel each other', async () => {
    const story = await prepared();
    const both = (amount: string) =>
      hold(amount, { postings: postings(`debit anna ${amount}`, `credit anna ${amount}`) });
    const { refusal } = await story.when(PlaceHold, both('100.01'));
    expect(refusal?.code).toBe('insufficient_funds');
    await story.given(PlaceHold, both('100'));
    expect(await account(story, 'anna')).toEqual(['100.00', '100.00', '100.00', '0.00', 3]);
  });

  it.each<[string, Partial<PlaceHoldInput>]>([
    ['validation_failed', { expiresAt: STORY_TIME }],
    ['validation_failed', { expiresAt: '2026-03-04T05:06:07.088Z' }],
    ['validation_failed', { postings: postings('debit anna 0.001', 'credit shop 0.001') }],
    ['account_not_found', { postings: postings('debit anna 1', 'credit nobody 1') }],
    ['zero_amount', { postings: postings('debit anna 0', 'credit shop 0') }],
    ['unbalanced_transaction', { postings: postings('debit anna 1', 'credit shop 2') }],
    ['unbalanced_transaction', { postings: postings('debit anna 1', 'credit yen 1') }],
  ])('refuses with %s %j', async (code, change) => {
    const story = await prepared();
    const { events, refusal } = await story.when(PlaceHold, hold('1', change));
    expect([refusal?.code, events]).toEqual([code, []]);
  });

  it('refuses a version that the account has not, and frozen and closed accounts', async () => {
    const story = await prepared();
    const old = postings('debit anna 1', 'credit shop 1').map((p) => ({ ...p, accountVersion: 1 }));
    const { refusal } = await story.when(PlaceHold, hold('1', { postings: old }));
    expect(refusal?.code).toBe('account_version_mismatch');
    await story.given(FreezeAccount, {
      ...{ accountId: 'client:anna', side: 'debits', reason: 'Court' },
    });
    expect((await story.when(PlaceHold, hold('1'))).refusal?.code).toBe('account_frozen');
    await story.given(CloseAccount, { accountId: 'client:shop' });
    expect((await story.when(PlaceHold, hold('1'))).refusal?.code).toBe('account_closed');
  });
});

describe('CaptureHold', () => {
  it('posts all that is left, as a transaction of the hold', async () => {
    const story = await prepared();
    const { id, postings: held } = await story.given(PlaceHold, hold('30'));
    const { events, answer } = await story.when(CaptureHold, capture({ clientId: 'paid' }));
    const taken = held.map(({ captured: _, ...posting }) => posting);
    expect(events).toMatchObject([
      { type: 'HoldCaptured', data: { final: true, holdId: id, postings: taken, released: [] } },
      { type: 'TransactionPosted', data: { holdId: id, effectiveDate: '2026-03-04' } },
    ]);
    const { transactionId } = events[0]!.data as { transactionId: string };
    expect(events[1]!.data).toMatchObject({ transactionId, clientId: 'paid' });
    expect(answer).toMatchObject({
      ...{ id: transactionId, clientId: 'paid', description: 'Dinner', holdId: id, source: null },
      postings: [{ balanceAfter: '70.00' }, { balanceAfter: '30.00' }],
    });
    expect(await account(story, 'anna')).toEqual(['70.00', '0.00', '0.00', '70.00', 5]);
    expect(await account(story, 'shop')).toEqual(['30.00', '0.00', '0.00', '30.00', 4]);
    for (const creator of [CaptureHold, VoidHold]) {
      const { refusal } = await story.when(creator as typeof CaptureHold, capture());
      expect(refusal?.code).toBe('hold_not_open');
    }
  });

  it('posts parts of it, and frees the rest with the last one', async () => {
    const story = await prepared();
    await story.given(PlaceHold, hold('30'));
    const part = (amount: string, final?: boolean) =>
      story.when(CaptureHold, capture({ postings: hold(amount).postings, final }));
    const first = await part('10', false);
    expect(first.events[0]!.data).toMatchObject({ final: false, released: [] });
    expect(await account(story, 'anna')).toEqual(['90.00', '20.00', '0.00', '70.00', 5]);
    expect((await part('20.01')).refusal?.code).toBe('hold_exceeded');
    const second = await part('5');
    expect(second.events[0]!.data).toMatchObject({
      final: true,
      released: [{ amount: '15.00' }, { amount: '15.00' }],
    });
    expect(await account(story, 'anna')).toEqual(['85.00', '0.00', '0.00', '85.00', 7]);
    expect((await part('1')).refusal?.code).toBe('hold_not_open');
  });

  it('is captured where nothing is left, whatever was asked for', async () => {
    const story = await prepared();
    await story.given(PlaceHold, hold('30'));
    const { events } = await story.when(CaptureHold, capture({ final: false }));
    expect(events[0]!.data).toMatchObject({ final: true, released: [] });
  });

  it('takes of several postings on one side no more than all of them', async () => {
    const story = await prepared();
    const three = ['debit anna 5', 'debit anna 7', 'credit shop 12'];
    await story.given(PlaceHold, hold('1', { postings: postings(...three) }));
    const take = (...texts: string[]) =>
      story.when(CaptureHold, capture({ postings: postings(...texts), final: false }));
    expect((await take('debit anna 6', 'credit shop 6')).refusal).toBeUndefined();
    const tooMuch = await take('debit anna 3', 'debit anna 3.01', 'credit shop 6.01');
    expect(tooMuch.refusal?.code).toBe('hold_exceeded');
    const rest = await take('debit anna 3', 'debit anna 3', 'credit shop 6');
    expect(rest.events[0]!.data).toMatchObject({ final: true });
  });

  it('is possible to the last cent where all is reserved', async () => {
    const story = await prepared();
    await story.given(PlaceHold, hold('100'));
    const all = await story.when(CaptureHold, capture());
    expect(all.refusal).toBeUndefined();
    expect(await account(story, 'anna')).toEqual(['0.00', '0.00', '0.00', '0.00', 5]);
  });

  it.each<[string, Partial<CaptureHoldInput>]>([
    ['not_found', { holdId: 'client:nobody' }],
    ['account_not_found', { postings: postings('debit nobody 1', 'credit shop 1') }],
    ['validation_failed', { postings: postings('debit anna 0.001', 'credit shop 1') }],
    ['zero_amount', { postings: postings('debit anna 0', 'credit shop 0') }],
    ['hold_exceeded', { postings: postings('debit anna 1', 'credit till 1') }],
    ['hold_exceeded', { postings: postings('credit anna 1', 'debit shop 1') }],
    ['unbalanced_transaction', { postings: postings('debit anna 1', 'credit shop 2') }],
    ['future_effective_date', { effectiveDate: '2026-03-05' }],
    ['client_id_taken', { clientId: 'taken' }],
    [
      'account_version_mismatch',
      {
        postings: postings('debit anna 1', 'credit shop 1').map((p) => ({
          ...p,
          accountVersion: 9,
        })),
      },
    ],
  ])('refuses with %s %j', async (code, change) => {
    const story = await prepared();
    await story.given(PostTransaction, { ...hold('1'), clientId: 'taken' });
    await story.given(PlaceHold, hold('10'));
    const { events, refusal } = await story.when(CaptureHold, capture(change));
    expect([refusal?.code, events]).toEqual([code, []]);
    const now = postings('debit anna 1', 'credit shop 1').map((p, i) => {
      return { ...p, accountVersion: 4 - i };
    });
    expect((await story.when(CaptureHold, capture({ postings: now }))).refusal).toBeUndefined();
  });

  it('is refused by a frozen account, and voiding is not', async () => {
    const story = await prepared();
    await story.given(PlaceHold, hold('10'));
    const freeze = { accountId: 'client:shop', side: 'all', reason: 'Court' } as const;
    await story.given(FreezeAccount, freeze);
    expect((await story.when(CaptureHold, capture())).refusal?.code).toBe('account_frozen');
    expect((await story.when(VoidHold, capture())).refusal).toBeUndefined();
  });

  it('is reversed like any transaction, and the hold stays captured', async () => {
    const story = await prepared();
    await story.given(PlaceHold, hold('10'));
    const { id: transactionId } = await story.given(CaptureHold, capture());
    const reversal = await story.given(ReverseTransaction, { transactionId });
    expect(reversal).toMatchObject({ holdId: null, source: null });
    expect(await account(story, 'anna')).toEqual(['100.00', '0.00', '0.00', '100.00', 6]);
    const { refusal } = await story.when(CaptureHold, capture());
    expect(refusal?.detail).toContain('is captured');
  });
});

describe('VoidHold', () => {
  it('frees what is left, once', async () => {
    const story = await prepared();
    const { id } = await story.given(PlaceHold, hold('30', { expiresAt: LATER }));
    const some = { postings: hold('10').postings, final: false };
    await story.given(CaptureHold, capture(some));
    const { events, answer } = await story.when(VoidHold, { holdId: id, reason: 'Left' });
    expect(events).toMatchObject([
      {
        type: 'HoldVoided',
        data: { holdId: id, reason: 'Left', postings: [{ amount: '20.00' }, {}] },
      },
    ]);
    expect(answer).toMatchObject({
      ...{ status: 'voided', version: 3, expiresAt: LATER },
      postings: [{ captured: '10.00' }, { captured: '10.00' }],
      transactionIds: [expect.any(String)],
    });
    expect(await account(story, 'anna')).toEqual(['90.00', '0.00', '0.00', '90.00', 6]);
    expect((await story.when(VoidHold, { holdId: id })).refusal?.code).toBe('hold_not_open');
  });

  it.each(['client:nobody', 'no reference'])('does not find %j', async (holdId) => {
    const { refusal } = await new Story().when(VoidHold, { holdId });
    expect(refusal?.code).toBe('not_found');
  });
});

describe('an account with open holds', () => {
  it('cannot be closed', async () => {
    const story = await prepared();
    await story.given(PlaceHold, hold('10'));
    const close = () => story.when(CloseAccount, { accountId: 'client:shop' });
    expect((await close()).refusal?.code).toBe('account_not_empty');
    await story.given(VoidHold, { holdId: 'client:hold' });
    expect((await close()).refusal).toBeUndefined();
  });

  it('takes no limit that what holds may do does not meet', async () => {
    const story = await prepared();
    await story.given(PlaceHold, hold('10'));
    const limit = async (accountId: string, limits: object) =>
      (await story.when(ChangeAccount, { accountId, ...limits })).refusal?.code;
    expect(await limit('client:anna', { minBalance: '90.01' })).toBe('limit_not_met');
    expect(await limit('client:anna', { minBalance: '90' })).toBeUndefined();
    expect(await limit('client:shop', { maxBalance: '9.99' })).toBe('limit_not_met');
    expect(await limit('client:shop', { maxBalance: '10' })).toBeUndefined();
  });
});
