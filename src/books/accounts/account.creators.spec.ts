import { Story, STORY_TIME } from '../../../test/harness/story';
import { PostTransaction } from '../transactions/transaction.creators';
import { CloseAccount, OpenAccount, type OpenAccountInput } from './account.creators';

const cash: OpenAccountInput = { name: 'Cash', type: 'asset', currency: 'USD' };

describe('OpenAccount', () => {
  it('opens an account with all digits of its currency', async () => {
    const { events, answer } = await new Story().when(OpenAccount, {
      ...cash,
      clientId: 'cash',
      minBalance: '-5',
      maxBalance: '10.5',
      metadata: { branch: 'north' },
    });
    const data = {
      clientId: 'cash',
      ...cash,
      minBalance: '-5.00',
      maxBalance: '10.50',
      metadata: { branch: 'north' },
    };
    expect(events).toMatchObject([{ type: 'AccountOpened', data }]);
    expect(answer).toMatchObject({
      ...data,
      ...{ status: 'open', normalSide: 'debit', version: 1, position: 1, createdAt: STORY_TIME },
      ...{ balance: '0.00', debits: '0.00', credits: '0.00' },
    });
  });

  it.each([
    ['asset', 'debit'],
    ['expense', 'debit'],
    ['liability', 'credit'],
    ['equity', 'credit'],
    ['income', 'credit'],
  ] as const)('gives %s accounts the normal side %s', async (type, normalSide) => {
    const answer = await new Story().given(OpenAccount, { ...cash, type });
    expect(answer).toMatchObject({ type, normalSide });
  });

  it.each([
    ['JPY', '0'],
    ['KWD', '0.000'],
    ['HUF', '0.00'],
    ['IQD', '0.000'],
  ])('writes a zero in %s as %s', async (currency, balance) => {
    const answer = await new Story().given(OpenAccount, { ...cash, currency });
    expect(answer).toMatchObject({ balance, minBalance: null });
  });

  it.each([
    [{ currency: 'XXY' }, ['/currency']],
    [{ currency: 'JPY', minBalance: '0.5' }, ['/minBalance']],
    [{ minBalance: '0.001', maxBalance: '1.001' }, ['/minBalance', '/maxBalance']],
    [{ minBalance: '2', maxBalance: '1.99' }, ['/minBalance']],
  ])('refuses %j at %j', async (change, pointers) => {
    const { events, refusal } = await new Story().when(OpenAccount, { ...cash, ...change });
    expect(refusal?.code).toBe('validation_failed');
    expect(refusal?.isRemembered).toBe(false);
    expect(refusal?.details.errors?.map((e) => e.pointer)).toEqual(pointers);
    expect(events).toEqual([]);
  });

  it('allows limits that are equal', async () => {
    const { refusal } = await new Story().when(OpenAccount, {
      ...cash,
      minBalance: '1.5',
      maxBalance: '1.50',
    });
    expect(refusal).toBeUndefined();
  });

  it('refuses a client id that an account has, closed or not', async () => {
    const story = new Story();
    const { id } = await story.given(OpenAccount, { ...cash, clientId: 'cash' });
    await story.given(CloseAccount, { accountId: id });
    const { events, refusal } = await story.when(OpenAccount, { ...cash, clientId: 'cash' });
    expect(refusal?.code).toBe('client_id_taken');
    expect(events).toEqual([]);
  });
});

describe('CloseAccount', () => {
  it('closes by id and by client id, in any case of the letters of an id', async () => {
    const story = new Story();
    const first = await story.given(OpenAccount, { ...cash, clientId: 'cash' });
    const second = await story.given(OpenAccount, cash);
    const { events } = await story.when(CloseAccount, { accountId: 'client:cash' });
    expect(events).toEqual([{ type: 'AccountClosed', data: { accountId: first.id } }]);
    const answer = await story.given(CloseAccount, { accountId: second.id.toUpperCase() });
    expect(answer).toMatchObject({ id: second.id, status: 'closed', version: 2, position: 4 });
  });

  it.each(['client:nobody', '00000000-0000-7000-8000-00000000ffff', 'no reference', 'client:', ''])(
    'does not find %j',
    async (accountId) => {
      const { refusal } = await new Story().when(CloseAccount, { accountId });
      expect(refusal?.code).toBe('not_found');
    },
  );

  it('refuses a second time', async () => {
    const story = new Story();
    const { id } = await story.given(OpenAccount, cash);
    await story.given(CloseAccount, { accountId: id });
    const { refusal } = await story.when(CloseAccount, { accountId: id });
    expect(refusal).toMatchObject({ code: 'account_already_closed', details: { accountId: id } });
  });

  it('refuses while there is a balance, and closes after it went', async () => {
    const story = new Story();
    const [a, b] = [await story.given(OpenAccount, cash), await story.given(OpenAccount, cash)];
    const move = (debit: string, credit: string) =>
      story.given(PostTransaction, {
        description: 'there or back',
        postings: [
          { accountId: debit, direction: 'debit', amount: '1' },
          { accountId: credit, direction: 'credit', amount: '1' },
        ],
      });
    await move(a.id, b.id);
    for (const { id } of [a, b]) {
      const { refusal } = await story.when(CloseAccount, { accountId: id });
      expect(refusal).toMatchObject({ code: 'account_not_empty', details: { accountId: id } });
    }
    await move(b.id, a.id);
    const closed = await story.given(CloseAccount, { accountId: a.id });
    expect(closed).toMatchObject({ status: 'closed', debits: '1.00', credits: '1.00', version: 4 });
  });
});
