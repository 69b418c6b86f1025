import fc from 'fast-check';
import { checkProperty } from '../../../test/harness/seed';
import { ACCOUNT_TYPES } from '../accounts/account.events';
import { beancountPath, plainPath } from './account-path';
import { BeancountFormat } from './beancount-format';
import type { DeclaredAccount, JournalHead } from './journal-format';
import { PlainTextFormat } from './plain-text-format';

const LONGEST_LINE_OF_LEDGER = 4096;
/** What beancount's parser takes for an account. */
const BEANCOUNT_ACCOUNT =
  /^(Assets|Liabilities|Equity|Income|Expenses)(:[\p{Lu}\p{Nd}][\p{L}\p{Nd}-]*)+$/u;

const text = (maxLength: number) =>
  fc
    .string({ unit: fc.oneof(fc.constantFrom(...'; :\n\t"\\[,|🏦'), fc.string({ maxLength: 1 })) })
    .map((all) => Array.from(`${all}x`).slice(0, maxLength).join(''));
/** As long as a text may be, of what takes the most bytes. */
const longest = (length: number) =>
  fc.constantFrom('🏦', '\u0001', '[', '"', '\u2028', ';').map((unit) => unit.repeat(length));
const segment = fc.string({ unit: fc.constantFrom(...'aZ9._-'), minLength: 1, maxLength: 40 });

const account: fc.Arbitrary<DeclaredAccount> = fc.record({
  no: fc.integer({ min: 1, max: 1_000_000_000 }),
  id: fc.uuid(),
  clientId: fc.constant(null),
  name: fc.oneof(text(500), longest(500)),
  group: fc.option(fc.array(segment, { minLength: 1, maxLength: 8 }).map((all) => all.join(':'))),
  type: fc.constantFrom(...ACCOUNT_TYPES),
  currency: fc.constant({ code: '1INCH', digits: 18 }),
  metadata: fc.dictionary(
    fc.string({ unit: fc.constantFrom(...'[,x🏦'), minLength: 1, maxLength: 64 }),
    longest(500),
    { maxKeys: 3 },
  ),
});
const head: fc.Arbitrary<JournalHead> = fc.record({
  date: fc.constantFrom('0001-01-01', '1399-12-31', '1900-01-01', '2025-01-31'),
  description: fc.oneof(text(1000), longest(1000)),
  event: fc.record({
    ...{ position: fc.constant(Number.MAX_SAFE_INTEGER), id: fc.uuid() },
    ...{ clientId: fc.constant('c'.repeat(64)), recordedAt: fc.constant('2025-01-31T00:00:00Z') },
    ...{ reverses: fc.constant(null), source: fc.constant(null), holdId: fc.constant(null) },
    metadata: fc.constant({}),
  }),
});

describe('the path of an account', () => {
  it('is of one account alone, whatever their names look like', () => {
    const similar = fc.record({
      no: fc.integer({ min: 1, max: 30 }),
      name: fc.string({ unit: fc.constantFrom(...'12 -:'), minLength: 1, maxLength: 4 }),
      group: fc.constantFrom(null, '1', '1-1', 'A:1'),
    });
    checkProperty(
      fc.property(account, similar, similar, (any, one, other) => {
        fc.pre(one.no !== other.no);
        for (const pathOf of [plainPath, beancountPath]) {
          expect(pathOf({ ...any, ...one })).not.toBe(pathOf({ ...any, ...other }));
        }
      }),
      1_000,
    );
  });

  it('is one that a program takes', () => {
    checkProperty(
      fc.property(account, (of) => {
        expect(plainPath(of)).not.toMatch(/\p{Cc}|\p{Z}\p{Z}|[^ ]\p{Zs}$|;|::/u);
        expect(beancountPath(of)).toMatch(BEANCOUNT_ACCOUNT);
      }),
    );
  });

  it('stays what it is where accounts have the same name, and says no type twice', () => {
    const one = { name: 'Till', type: 'asset', group: 'assets:cash' } as DeclaredAccount;
    const paths = [1, 2].map((no) => plainPath({ ...one, no }));
    expect(paths).toEqual(['Assets:cash:1 Till', 'Assets:cash:2 Till']);
    expect(beancountPath({ ...one, no: 3, name: '現金 Zürich' })).toBe('Assets:Cash:3-現金-Zürich');
    expect(beancountPath({ ...one, no: 3, group: 'Income:-', name: '🏦' })).toBe('Assets:Income:3');
  });
});

describe('a journal of plain text', () => {
  it('has no line that is too long for ledger, and a tag on each', () => {
    const format = new PlainTextFormat('ledger');
    checkProperty(
      fc.property(account, head, (declared, of) => {
        const lines = (format.account(declared) + format.head(of)).split('\n');
        for (const line of lines) {
          expect(Buffer.byteLength(line)).toBeLessThan(LONGEST_LINE_OF_LEDGER);
          expect(line).toMatch(/^$|^account |^\d{4}-|^ {4}; \w+: [^[]+$/);
        }
      }),
    );
  });

  it('moves what is too early for ledger to its first year, and says so', () => {
    const of = { date: '1399-12-31', description: 'Old', event: undefined };
    const expected = '\n1400-01-01 Old\n    ; effectiveDate: 1399-12-31\n';
    expect(new PlainTextFormat('ledger').head(of)).toBe(expected);
    expect(new PlainTextFormat('hledger').head(of)).toBe('\n1399-12-31 Old\n');
  });

  it('has a tag for metadata where hledger reads it back, and else JSON', () => {
    const metadata = {
      invoice: 'A 1; [x',
      order: 'B-2',
      date: '1',
      id: 'x',
      a: 'b, type: Q',
      e: '',
    };
    const declared = { no: 1, name: 'Till', type: 'asset', group: null, id: '7', metadata };
    const currency = { code: 'USD', digits: 2 };
    const of = { ...declared, currency, clientId: 'till' } as DeclaredAccount;
    expect(new PlainTextFormat('hledger').account(of).split('\n')).toEqual([
      'account Assets:1 Till',
      ...['    ; id: 7', '    ; clientId: till', '    ; order: B-2'],
      ...['    ; metadata: {"invoice":"A 1; \\u005bx"}', '    ; metadata: {"date":"1"}'],
      ...['    ; metadata: {"id":"x"}', '    ; metadata: {"a":"b\\u002c type: Q"}'],
      ...['    ; metadata: {"e":""}', ''],
    ]);
  });
});

describe('a journal of beancount', () => {
  it('adds up to nothing at the end, by 28 digits at most on the way', () => {
    const format = new BeancountFormat();
    const amounts = fc.array(fc.bigInt({ min: 1n, max: 10n ** 30n - 1n }), { maxLength: 40 });
    checkProperty(
      fc.property(account, amounts, (of, debits) => {
        const total = debits.reduce((sum, amount) => sum + amount, 0n);
        const postings = [...debits, -total].map((amount) => ({ account: of, amount }));
        const at = { date: '2025-01-01', description: 'x', event: undefined };
        const lines = format.postings(postings) + format.rest(postings);
        expect(format.head(at)).toContain('"x"');
        let sum = 0n;
        for (const [, amount] of lines.matchAll(/ {2}(-?[\d.]+) X\.1INCH\n/g)) {
          const part = BigInt(amount!.replace('.', ''));
          sum += part;
          for (const number of [part, sum]) {
            expect(String(number).replace(/^-|0+$/g, '').length).toBeLessThanOrEqual(28);
          }
        }
        expect(sum).toBe(0n);
      }),
    );
  });
});
