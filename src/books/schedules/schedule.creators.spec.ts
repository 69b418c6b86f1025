import { CloseAccount, OpenAccount } from '../accounts/account.creators';
import { FreezeAccount } from '../accounts/account-change.creators';
import { PostTransaction } from '../transactions/transaction.creators';
import {
  PostScheduledTransactions,
  ScheduleTransaction,
  type ScheduleTransactionInput,
} from './schedule.creators';
import type { ScheduledTransactionDto } from './schedule.dto';
import { Story } from '../../../test/harness/story';

const rent = (rest: Partial<ScheduleTransactionInput> = {}): ScheduleTransactionInput => ({
  description: 'Rent',
  postings: [
    { accountId: 'client:flat', direction: 'debit', amount: '10' },
    { accountId: 'client:bank', direction: 'credit', amount: '10' },
  ],
  postOn: '2026-03-04',
  ...rest,
});

/** A bank account with 25.00 and limit zero, in a story whose time goes on. */
async function startStory(now = '2026-03-04T12:00:00.000Z', timeZone = 'UTC'): Promise<Story> {
  const story = new Story(undefined, timeZone);
  story.now = now;
  const account = { type: 'asset', currency: 'EUR' } as const;
  await story.given(OpenAccount, { ...account, clientId: 'flat', name: 'flat' });
  await story.given(OpenAccount, { ...account, clientId: 'bank', name: 'bank', minBalance: '0' });
  await story.given(OpenAccount, { ...account, clientId: 'cash', name: 'cash' });
  await story.given(PostTransaction, {
    description: 'A deposit',
    postings: [
      { accountId: 'client:bank', direction: 'debit', amount: '25' },
      { accountId: 'client:cash', direction: 'credit', amount: '25' },
    ],
  });
  return story;
}

/** What a look at some moment makes of a day's schedules: types and data of events, no ids. */
async function look(story: Story, now: string, day: string, ...scheduleIds: string[]) {
  story.now = now;
  const { events, refusal } = await story.when(PostScheduledTransactions, { on: day, scheduleIds });
  expect(refusal).toBeUndefined();
  return events.map(({ type, data }) => {
    const { on, next, code, effectiveDate } = data as Record<string, unknown>;
    const nextDay = (next as { on: string } | undefined)?.on;
    return [type.replace('ScheduledTransaction', ''), on ?? effectiveDate, nextDay ?? code];
  });
}

describe('a scheduled transaction', () => {
  it('is posted for its day once, late rather than never', async () => {
    const story = await startStory();
    const made = await story.given(ScheduleTransaction, rent({ postOn: '2026-03-06' }));
    expect(made).toMatchObject({ status: 'scheduled', nextOn: '2026-03-06', runs: [] });
    expect(await look(story, '2026-03-05T23:59:59.999Z', '2026-03-06', made.id)).toEqual([]);
    expect(await look(story, '2026-03-09T08:00:00.000Z', '2026-03-06', made.id)).toEqual([
      ['TransactionPosted', '2026-03-06', undefined],
      ['Posted', '2026-03-06', undefined],
    ]);
    expect(await look(story, '2026-03-09T08:00:00.000Z', '2026-03-06', made.id)).toEqual([]);
  });

  it("begins its day in the book's time zone, also where summer begins", async () => {
    const story = await startStory('2026-03-28T12:00:00.000Z', 'Europe/Berlin');
    const input = rent({ postOn: '2026-03-29', repeat: 'daily', until: '2026-03-30' });
    const { id } = await story.given(ScheduleTransaction, input);
    expect(await look(story, '2026-03-28T22:59:59.999Z', '2026-03-29', id)).toEqual([]);
    expect(await look(story, '2026-03-28T23:00:00.000Z', '2026-03-29', id)).toHaveLength(2);
    expect(await look(story, '2026-03-29T21:59:59.999Z', '2026-03-30', id)).toEqual([]);
    expect(await look(story, '2026-03-29T22:00:00.000Z', '2026-03-30', id)).toHaveLength(2);
  });

  it('that repeats has each day posted in turn after an outage, and ends', async () => {
    const story = await startStory();
    const input = rent({ postOn: '2026-03-31', repeat: 'monthly', until: '2026-05-30' });
    const { id } = await story.given(ScheduleTransaction, input);
    const later = '2026-07-01T00:00:00.000Z';
    const [march, april] = ['2026-03-31', '2026-04-30'];
    expect(await look(story, later, march, id)).toMatchObject([{}, ['Posted', march, april]]);
    // Who looked at the same time comes too late, and leaves April to its turn.
    expect(await look(story, later, march, id)).toEqual([]);
    expect(await look(story, later, april, id)).toMatchObject([{}, ['Posted', april, undefined]]);
    expect(await look(story, later, april, id)).toEqual([]);
  });

  it('is refused on a day, and comes again on the next; others do not mind', async () => {
    const story = await startStory();
    const daily = await story.given(ScheduleTransaction, rent({ repeat: 'daily' }));
    const other = await story.given(ScheduleTransaction, {
      ...rent({ postOn: '2026-03-06' }),
      postings: [
        { accountId: 'client:flat', direction: 'debit', amount: '1' },
        { accountId: 'client:cash', direction: 'credit', amount: '1' },
      ],
    });
    const days = ['2026-03-04', '2026-03-05', '2026-03-06'];
    const looks = [];
    for (const day of days)
      looks.push(await look(story, `${day}T00:00:01.000Z`, day, daily.id, other.id));
    expect(looks).toMatchObject([
      [{}, ['Posted', days[0], days[1]]],
      [{}, ['Posted', days[1], days[2]]],
      [['Refused', days[2], '2026-03-07'], {}, ['Posted', days[2], undefined]],
    ]);
    await story.given(FreezeAccount, { accountId: 'client:flat', side: 'all', reason: 'None' });
    const input = { on: '2026-03-07', scheduleIds: [daily.id] };
    const { events } = await story.when(PostScheduledTransactions, input);
    expect(events).toEqual([]);
    story.now = '2026-03-07T00:00:00.000Z';
    const refused = await story.when(PostScheduledTransactions, input);
    expect(refused.events).toMatchObject([{ data: { code: 'account_frozen' } }]);
  });

  it.each([
    [{ postOn: '2026-03-03' }, '/postOn'],
    [{ until: '2026-03-05' }, '/until'],
    [{ repeat: 'daily' as const, until: '2026-03-03' }, '/until'],
  ])('of %j is refused at %s', async (wrong, pointer) => {
    const story = await startStory();
    const { refusal } = await story.when(ScheduleTransaction, rent(wrong));
    expect(refusal).toMatchObject({
      code: 'validation_failed',
      details: { errors: [{ pointer }] },
    });
  });

  it('is checked as far as it can be, and not for what may be otherwise then', async () => {
    const story = await startStory();
    await story.given(CloseAccount, { accountId: 'client:flat' });
    const [debit, credit] = rent().postings as [object, object];
    const large = [
      { ...debit, amount: '1000' },
      { ...credit, amount: '1000' },
    ] as ScheduleTransactionInput['postings'];
    const made: ScheduledTransactionDto = await story.given(
      ScheduleTransaction,
      rent({ postings: large, clientId: 'rent' }),
    );
    expect(made.postings).toMatchObject([{ amount: '1000.00' }, { currency: 'EUR' }]);
    const code = async (rest: Partial<ScheduleTransactionInput>) =>
      (await story.when(ScheduleTransaction, rent(rest))).refusal?.code;
    expect(await code({ clientId: 'rent' })).toBe('client_id_taken');
    expect(await code({ postings: [large[0]!, rent().postings[1]!] })).toBe(
      'unbalanced_transaction',
    );
    const nobody = { ...large[0]!, accountId: 'client:nobody' };
    expect(await code({ postings: [nobody, large[1]!] })).toBe('account_not_found');
    const zero = large.map((one) => ({ ...one, amount: '0' }));
    expect(await code({ postings: zero })).toBe('zero_amount');
  });
});
