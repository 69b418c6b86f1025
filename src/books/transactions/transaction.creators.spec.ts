import fc from 'fast-check';
import { checkAsyncProperty } from '../../../test/harness/seed';
import { features } from '../../features';
import { Story, STORY_TIME } from '../../../test/harness/story';
import { CloseAccount, OpenAccount, type OpenAccountInput } from '../accounts/account.creators';
import { PostTransactionBatch } from './batch.creator';
import type { PostingInput } from './posting.rules';
import { PostTransaction, ReverseTransaction } from './transaction.creators';
import type { AccountDto } from '../accounts/account.dto';

type Line = [account: AccountDto | string, direction: 'debit' | 'credit', amount: string];

function posting(...lines: Line[]): { description: string; postings: PostingInput[] } {
  const postings = lines.map(([account, direction, amount]) => ({
    accountId: typeof account === 'string' ? account : account.id,
    direction,
    amount,
  }));
  return { description: 'A posting', postings };
}

function open(story: Story, input: Partial<OpenAccountInput> = {}): Promise<AccountDto> {
  return story.given(OpenAccount, { name: 'A', type: 'asset', currency: 'USD', ...input });
}

describe('PostTransaction', () => {
  it('posts in the order given, with the balance after each posting', async () => {
    const story = new Story();
    const cash = await open(story);
    const sales = await open(story, { type: 'income', clientId: 'sales' });
    const { events, answer } = await story.when(
      PostTransaction,
      posting(
        [cash, 'debit', '10'],
        ['client:sales', 'credit', '12.5'],
        [cash, 'debit', '3.00'],
        [cash.id.toUpperCase(), 'credit', '0.50'],
      ),
    );
    const postings = [
      { accountId: cash.id, direction: 'debit', amount: '10.00', balanceAfter: '10.00' },
      { accountId: sales.id, direction: 'credit', amount: '12.50', balanceAfter: '12.50' },
      { accountId: cash.id, direction: 'debit', amount: '3.00', balanceAfter: '13.00' },
      { accountId: cash.id, direction: 'credit', amount: '0.50', balanceAfter: '12.50' },
    ].map((p) => ({ ...p, currency: 'USD' }));
    expect(events).toMatchObject([{ type: 'TransactionPosted', data: { postings } }]);
    expect(answer).toMatchObject({
      ...{ position: 3, recordedAt: STORY_TIME, effectiveDate: STORY_TIME.slice(0, 10) },
      ...{ clientId: null, metadata: {}, reverses: null, reversedBy: null, postings },
    });
  });

  it('balances every currency for itself', async () => {
    const story = new Story();
    const [usd, jpy, kwd] = [
      await open(story),
      await open(story, { currency: 'JPY' }),
      await open(story, { currency: 'KWD' }),
    ];
    const { events } = await story.when(
      PostTransaction,
      posting(
        [usd, 'debit', '1'],
        [jpy, 'credit', '150'],
        [kwd, 'debit', '0.001'],
        [usd, 'credit', '1.00'],
        [jpy, 'debit', '150'],
        [kwd, 'credit', '0.001'],
      ),
    );
    const { postings } = events[0]!.data as { postings: { amount: string; currency: string }[] };
    expect(postings.map((p) => `${p.amount} ${p.currency}`)).toEqual([
      ...['1.00 USD', '150 JPY', '0.001 KWD', '1.00 USD', '150 JPY', '0.001 KWD'],
    ]);
  });

  it('takes effect today in the zone of the books, or earlier', async () => {
    // In Los Angeles it is the evening before.
    const story = new Story(features, 'America/Los_Angeles');
    const [a, b] = [await open(story), await open(story, { type: 'equity' })];
    const input = posting([a, 'debit', '1'], [b, 'credit', '1']);
    expect(await story.given(PostTransaction, input)).toMatchObject({
      effectiveDate: '2026-03-03',
      recordedAt: STORY_TIME,
    });
    for (const effectiveDate of ['1900-01-01', '2026-03-03']) {
      const answer = await story.given(PostTransaction, { ...input, effectiveDate });
      expect(answer).toMatchObject({ effectiveDate });
    }
    const tomorrow = { ...input, effectiveDate: '2026-03-04' };
    const { refusal, events } = await story.when(PostTransaction, tomorrow);
    expect({ code: refusal?.code, events }).toEqual({ code: 'future_effective_date', events: [] });
    expect(refusal?.detail).toContain('is 2026-03-04, which is after today, 2026-03-03');
    expect(refusal?.details.errors).toMatchObject([{ pointer: '/effectiveDate' }]);
  });

  it('calculates with 30 digits', async () => {
    const story = new Story();
    const [a, b] = [await open(story), await open(story, { type: 'equity' })];
    const most = `${'9'.repeat(28)}.99`;
    await story.given(PostTransaction, posting([a, 'debit', most], [b, 'credit', most]));
    const answer = await story.given(
      PostTransaction,
      posting([a, 'debit', most], [b, 'credit', most]),
    );
    expect(answer.postings[0]).toMatchObject({ balanceAfter: `1${'9'.repeat(28)}.98` });
  });

  describe('refuses', () => {
    const refusalOf = async (prepare: (story: Story) => Promise<Parameters<typeof posting>>) => {
      const story = new Story();
      const input = posting(...(await prepare(story)));
      const { events, refusal } = await story.when(PostTransaction, input);
      expect(events).toEqual([]);
      return { ...refusal?.details, code: refusal?.code };
    };

    it('an unbalanced transaction, naming an account of that currency', async () => {
      let culprit: AccountDto | undefined;
      const refusal = await refusalOf(async (story) => {
        const [usd, eur] = [await open(story), await open(story, { currency: 'EUR' })];
        culprit = eur;
        return [
          ...([
            [usd, 'debit', '1'],
            [usd, 'credit', '1'],
          ] as Line[]),
          ...([
            [eur, 'debit', '1'],
            [eur, 'credit', '1.01'],
          ] as Line[]),
        ];
      });
      expect(refusal).toEqual({ code: 'unbalanced_transaction', accountId: culprit!.id });
    });

    it('equal sums in different currencies', async () => {
      const refusal = await refusalOf(async (story) => {
        const [usd, eur] = [await open(story), await open(story, { currency: 'EUR' })];
        return [
          [usd, 'debit', '1'],
          [eur, 'credit', '1'],
        ];
      });
      expect(refusal.code).toBe('unbalanced_transaction');
    });

    it.each(['client:nobody', '00000000-0000-7000-8000-00000000ffff'])(
      'an account that is not there: %s',
      async (accountId) => {
        const refusal = await refusalOf(async (story) => {
          return [
            [await open(story), 'debit', '1'],
            [accountId, 'credit', '1'],
          ];
        });
        expect(refusal).toEqual({ code: 'account_not_found', accountId });
      },
    );

    it('a closed account', async () => {
      let closed: AccountDto | undefined;
      const refusal = await refusalOf(async (story) => {
        closed = await open(story);
        await story.given(CloseAccount, { accountId: closed.id });
        return [
          [await open(story), 'debit', '1'],
          [closed, 'credit', '1'],
        ];
      });
      expect(refusal).toEqual({ code: 'account_closed', accountId: closed!.id });
    });

    it('an amount of zero', async () => {
      let account: AccountDto | undefined;
      const refusal = await refusalOf(async (story) => {
        account = await open(story);
        return [
          [account, 'debit', '0.00'],
          [account, 'credit', '0'],
        ];
      });
      expect(refusal).toEqual({ code: 'zero_amount', accountId: account!.id });
    });

    it('more decimals than the currency has, at every posting', async () => {
      const refusal = await refusalOf(async (story) => {
        const jpy = await open(story, { currency: 'JPY' });
        return [
          [jpy, 'debit', '1.0'],
          [jpy, 'debit', '1'],
          [jpy, 'credit', '2.5'],
        ];
      });
      expect(refusal).toMatchObject({
        code: 'validation_failed',
        errors: [{ pointer: '/postings/0/amount' }, { pointer: '/postings/2/amount' }],
      });
    });

    it.each([
      ['asset', 'credit', '-0.01', 'insufficient_funds'],
      ['liability', 'debit', '-0.01', 'insufficient_funds'],
      ['expense', 'debit', '10.01', 'balance_limit_exceeded'],
      ['income', 'credit', '10.01', 'balance_limit_exceeded'],
    ] as const)('a %s account a %s that takes it to %s', async (type, direction, to, code) => {
      let limited: AccountDto | undefined;
      const refusal = await refusalOf(async (story) => {
        limited = await open(story, { type, minBalance: '0', maxBalance: '10' });
        const other = await open(story);
        const amount = to.replace('-', '');
        return [
          [limited, direction, amount],
          [other, direction === 'debit' ? 'credit' : 'debit', amount],
        ];
      });
      expect(refusal).toEqual({ code, accountId: limited!.id });
    });
  });

  describe('takes what keeps the limits as a whole, in any order:', () => {
    it('a top-up of an empty wallet together with its fee', async () => {
      const story = new Story();
      const wallet = await open(story, { type: 'liability', minBalance: '0' });
      const [cash, fees] = [await open(story), await open(story, { type: 'income' })];
      const lines: Line[] = [
        [wallet, 'debit', '1'],
        [fees, 'credit', '1'],
        [cash, 'debit', '10'],
        [wallet, 'credit', '10'],
      ];
      for (const given of [lines, lines.toReversed()]) {
        const { events, refusal } = await story.when(PostTransaction, posting(...given));
        expect([refusal, events.length]).toEqual([undefined, 1]);
      }
    });

    it('money that only passes through an account, and what reverses it', async () => {
      const story = new Story();
      const mid = await open(story, { type: 'liability', minBalance: '0', maxBalance: '0' });
      const [one, out] = [await open(story), await open(story)];
      const { id } = await story.given(
        PostTransaction,
        posting(
          [one, 'debit', '5'],
          [mid, 'credit', '5'],
          [mid, 'debit', '5'],
          [out, 'credit', '5'],
        ),
      );
      const reversed = await story.when(ReverseTransaction, { transactionId: id });
      expect(reversed.refusal).toBeUndefined();
      expect(reversed.answer).toMatchObject({
        postings: [{}, { balanceAfter: '-5.00' }, { balanceAfter: '0.00' }, {}],
      });
    });
  });

  it('goes to a limit exactly, and not a cent further', async () => {
    const story = new Story();
    const limited = await open(story, { minBalance: '-1', maxBalance: '1' });
    const other = await open(story);
    const move = (direction: 'debit' | 'credit', amount: string) =>
      story.when(
        PostTransaction,
        posting(
          [limited, direction, amount],
          [other, direction === 'debit' ? 'credit' : 'debit', amount],
        ),
      );
    expect((await move('debit', '1.00')).refusal).toBeUndefined();
    expect((await move('debit', '0.01')).refusal?.code).toBe('balance_limit_exceeded');
    expect((await move('credit', '2.00')).refusal).toBeUndefined();
    expect((await move('credit', '0.01')).refusal?.code).toBe('insufficient_funds');
  });

  it('refuses a client id that a transaction has', async () => {
    const story = new Story();
    const [a, b] = [await open(story), await open(story)];
    const input = { ...posting([a, 'debit', '1'], [b, 'credit', '1']), clientId: 'invoice-1' };
    await story.given(PostTransaction, input);
    const { events, refusal } = await story.when(PostTransaction, input);
    expect(refusal?.code).toBe('client_id_taken');
    expect(events).toEqual([]);
  });

  it('accepts exactly what balances', async () => {
    const line = fc.tuple(
      fc.nat({ max: 3 }),
      fc.constantFrom('debit' as const, 'credit' as const),
      fc.integer({ min: 1, max: 3 }),
    );
    await checkAsyncProperty(
      fc.asyncProperty(fc.array(line, { minLength: 2, maxLength: 6 }), async (lines) => {
        const story = new Story();
        const accounts: AccountDto[] = [];
        for (const currency of ['USD', 'USD', 'EUR', 'EUR']) {
          accounts.push(await open(story, { currency }));
        }
        const sums = [0, 0];
        for (const [i, direction, cents] of lines) {
          sums[i >> 1]! += direction === 'debit' ? cents : -cents;
        }
        const input = posting(...lines.map(([i, d, c]): Line => [accounts[i]!, d, `0.0${c}`]));
        const { refusal } = await story.when(PostTransaction, input);
        const isBalanced = sums.every((sum) => sum === 0);
        expect(refusal?.code).toBe(isBalanced ? undefined : 'unbalanced_transaction');
      }),
      300,
    );
  });
});

describe('PostTransactionBatch', () => {
  async function storyOfThree() {
    const story = new Story();
    const cash = await open(story);
    const customer = await open(story, { type: 'liability', minBalance: '0' });
    const deposit = posting([cash, 'debit', '1'], [customer, 'credit', '1']);
    const tooMuch = posting([customer, 'debit', '5'], [cash, 'credit', '5']);
    return { story, cash, customer, deposit, tooMuch };
  }

  it('keeps what was accepted of an independent batch, in order', async () => {
    const { story, deposit, tooMuch } = await storyOfThree();
    const { events, answer } = await story.when(PostTransactionBatch, {
      mode: 'independent',
      transactions: [deposit, tooMuch, deposit],
    });
    expect(events).toHaveLength(2);
    expect(answer).toMatchObject([
      { transaction: { position: 3 } },
      { refusal: { code: 'insufficient_funds' } },
      { transaction: { position: 4, postings: [{}, { balanceAfter: '2.00' }] } },
    ]);
  });

  it('keeps nothing of an atomic batch with a refusal, and names its index', async () => {
    const { story, customer, deposit, tooMuch } = await storyOfThree();
    const { events, refusal } = await story.when(PostTransactionBatch, {
      mode: 'atomic',
      transactions: [deposit, deposit, tooMuch, deposit],
    });
    expect(events).toEqual([]);
    expect(refusal).toMatchObject({
      code: 'insufficient_funds',
      details: { index: 2, accountId: customer.id },
    });
    const after = await story.given(PostTransaction, deposit);
    expect(after).toMatchObject({ position: 3, postings: [{}, { balanceAfter: '1.00' }] });
  });

  it('points into the whole body where an amount does not fit', async () => {
    const { story, cash, deposit } = await storyOfThree();
    const wrong = posting([cash, 'debit', '0.001'], [cash, 'credit', '0.001']);
    const { refusal } = await story.when(PostTransactionBatch, {
      mode: 'atomic',
      transactions: [deposit, wrong],
    });
    expect(refusal?.details.errors?.map((e) => e.pointer)).toEqual([
      ...['/transactions/1/postings/0/amount', '/transactions/1/postings/1/amount'],
    ]);
  });

  it('lets each transaction see those before it', async () => {
    const { story, cash, customer, deposit } = await storyOfThree();
    const withdrawal = posting([customer, 'debit', '2'], [cash, 'credit', '2']);
    const answer = await story.given(PostTransactionBatch, {
      mode: 'atomic',
      transactions: [deposit, deposit, withdrawal],
    });
    expect(answer).toHaveLength(3);
  });
});
