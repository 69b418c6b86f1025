import { validateEventData } from './event-data';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const OPENED = {
  accountId: ID,
  clientId: 'cash-1',
  name: 'Cash',
  type: 'asset',
  currency: 'USD',
  minBalance: '-10.00',
  maxBalance: null,
  metadata: { a: 'b' },
};
const POSTED = {
  transactionId: ID,
  description: 'rent',
  effectiveDate: '2026-02-28',
  postings: [
    { accountId: ID, direction: 'debit', amount: '1.00', currency: 'USD', balanceAfter: '-1.00' },
  ],
};

const opened = (change: object) => validateEventData('AccountOpened', 1, { ...OPENED, ...change });
const posting = (change: object) =>
  validateEventData('TransactionPosted', 1, {
    ...POSTED,
    postings: [{ ...POSTED.postings[0], ...change }],
  });

describe('the check of event data', () => {
  it('has nothing to say about data of its type', () => {
    expect(opened({})).toEqual([]);
    expect(opened({ clientId: null, minBalance: null })).toEqual([]);
    expect(validateEventData('TransactionPosted', 1, POSTED)).toEqual([]);
  });

  it('says where a field is missing, unknown or of another kind', () => {
    const unnamed = Object.fromEntries(Object.entries(OPENED).filter(([name]) => name !== 'name'));
    expect(validateEventData('AccountOpened', 1, { ...unnamed, 'na/me': 'Cash' })).toEqual([
      { pointer: '/name', message: 'is missing' },
      { pointer: '/na~1me', message: 'is not known' },
    ]);
    expect(opened({ type: 'asse', metadata: { a: 1 } })).toEqual([
      {
        pointer: '/type',
        message: 'must be one of asset, liability, equity, income, expense',
      },
      { pointer: '/metadata/a', message: 'must be string' },
    ]);
    expect(validateEventData('AccountOpened', 1, [])).toEqual([
      { pointer: '', message: 'must be object' },
    ]);
    expect(validateEventData('WebhookSecretRotated', 1, { secretVersion: 1.5 })).toContainEqual({
      pointer: '/secretVersion',
      message: 'must be integer',
    });
  });

  it('says once what is wrong with a field that may be null', () => {
    expect(opened({ minBalance: 7 })).toEqual([
      { pointer: '/minBalance', message: 'must be string or must be null' },
    ]);
    expect(validateEventData('OrderSettled', 1, { feeAccountId: 'x' })).toContainEqual({
      pointer: '/feeAccountId',
      message: 'must match format "uuid" or must be null',
    });
  });

  it.each(['1e2', '+1', '-0', '-0.00', '01', '.5', '1.', '', ' 1', '0x10', '１'])(
    'takes %p for no amount',
    (text) => {
      expect(posting({ balanceAfter: text })).toHaveLength(1);
      expect(posting({ amount: text })).toHaveLength(1);
    },
  );

  it.each(['0', '0.00', '100.50', '123456789012345678901234567890'])('takes %p for one', (text) => {
    expect(posting({ amount: text })).toEqual([]);
    expect(posting({ balanceAfter: text })).toEqual([]);
  });

  it('knows ids, days, currencies and times', () => {
    expect(posting({ amount: '-1.00' })[0]!.pointer).toBe('/postings/0/amount');
    for (const accountId of ['x', ID.toUpperCase(), `urn:uuid:${ID}`]) {
      expect(posting({ accountId })).toHaveLength(1);
    }
    const noDays = ['2026-02-29', '2026-2-3', '2026-02-03T00:00:00Z', '0000-01-01'];
    for (const effectiveDate of noDays) {
      const data = { ...POSTED, effectiveDate };
      expect(validateEventData('TransactionPosted', 1, data)).toEqual([
        { pointer: '/effectiveDate', message: 'must match format "date"' },
      ]);
    }
    expect(opened({ currency: 'usd' })).toHaveLength(1);
    for (const settledAt of [
      '2026-02-29T00:00:00.000Z',
      '2026-01-31T00:00:00Z',
      '0000-01-31T00:00:00.000Z',
      '2016-12-31T23:59:60.000Z',
    ]) {
      const problems = validateEventData('OrderSettled', 1, { settledAt });
      expect(problems.map(({ pointer }) => pointer)).toContain('/settledAt');
    }
  });

  it('refuses what it has no schema for', () => {
    for (const [type, version] of [
      ['NobodyKnows', 1],
      ['constructor', 1],
      ['AccountOpened', 99],
    ] as const) {
      expect(validateEventData(type, version, {})).toEqual([
        { pointer: '', message: `has no schema: ${type} version ${version}` },
      ]);
    }
  });

  it('lists fifty problems at most', () => {
    const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`field${i}`, 1]));
    expect(opened(many)).toHaveLength(50);
  });
});
