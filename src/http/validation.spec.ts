import { Refusal } from '../engine/define/refusal';
import { Amount, ClientId, DateOnly, IdempotencyKey, ListOf, Metadata } from './fields';
import { SignedAmount } from './account-fields';
import { ObjectOf, OneOf, Reference, Text } from './fields';
import { parseJsonBody } from './json-body';
import { fieldErrors, ValidationPipe } from './validation';

class LineDto {
  @Reference()
  accountId!: string;

  @Amount()
  amount!: string;
}

class OrderDto {
  @ClientId()
  clientId?: string;

  @Text(1, 5)
  name!: string;

  @OneOf(['buy', 'sell'])
  side!: string;

  @SignedAmount({ optional: true, nullable: true })
  limit?: string | null;

  @DateOnly({ optional: true })
  day?: string;

  @Metadata()
  metadata?: Record<string, string>;

  @IdempotencyKey()
  idempotencyKey?: string;

  @ListOf(() => LineDto, 1, 3)
  lines!: LineDto[];

  @ObjectOf(() => LineDto, { optional: true })
  fee?: LineDto;
}

const line = { accountId: 'client:cash', amount: '1' };
const order = { name: 'n', side: 'buy', lines: [line] };

/** The pointers of what is wrong with an order that differs from a good one. */
function wrong(change: object): string[] {
  return fieldErrors(OrderDto, { ...order, ...change }).map((error) => error.pointer);
}

describe('the validation of a body', () => {
  it('accepts what fits', () => {
    const full = {
      clientId: 'a.B_9:-',
      limit: null,
      day: '2024-02-29',
      metadata: { a: '' },
      idempotencyKey: ' ~',
    };
    expect(wrong(full)).toEqual([]);
    expect(wrong({ limit: '-0.5' })).toEqual([]);
  });

  it.each(['1e2', '+1', '-0', '-1', '01', '.5', '5.', '', ' 1', '1 ', '1,5', '0x10', 'NaN', '1\n'])(
    'refuses %j as an amount',
    (amount) => {
      expect(wrong({ lines: [{ ...line, amount }] })).toEqual(['/lines/0/amount']);
    },
  );

  it('allows 30 digits and no more', () => {
    const digits = '9'.repeat(30);
    expect(wrong({ lines: [{ ...line, amount: digits }] })).toEqual([]);
    expect(wrong({ lines: [{ ...line, amount: `0.${'9'.repeat(29)}` }] })).toEqual([]);
    expect(wrong({ lines: [{ ...line, amount: `${digits}9` }] })).toEqual(['/lines/0/amount']);
    expect(wrong({ lines: [{ ...line, amount: `0.${digits}` }] })).toEqual(['/lines/0/amount']);
    expect(wrong({ limit: `-${digits}` })).toEqual([]);
    expect(wrong({ limit: `-${digits}1` })).toEqual(['/limit']);
  });

  it.each([1, true, null, {}, ['1']])('refuses %j where a string is wanted', (value) => {
    expect(wrong({ name: value })).toEqual(['/name']);
    expect(wrong({ lines: [{ ...line, amount: value }] })).toEqual(['/lines/0/amount']);
  });

  it('tells null from nothing', () => {
    expect(wrong({ clientId: null })).toEqual(['/clientId']);
    expect(wrong({ metadata: null })).toEqual(['/metadata']);
    for (const key of ['"', 'a\\b', 'line\n']) {
      expect(wrong({ metadata: { [key]: 'x' } })).toEqual(['/metadata']);
    }
    expect(wrong({ limit: null })).toEqual([]);
    expect(fieldErrors(OrderDto, {}).map((error) => error.pointer)).toEqual([
      '/name',
      '/side',
      '/lines',
    ]);
  });

  it.each([[[]], [[[]]], [[null]], [['x']], [[7]], [{ length: 1 }], ['x']])(
    'refuses %j as lines',
    (lines) => {
      expect(wrong({ lines })[0]).toMatch(/^\/lines(\/0)?$/);
    },
  );

  it('looks into an object', () => {
    expect(wrong({ fee: line })).toEqual([]);
    expect(wrong({ fee: {} })).toEqual(['/fee/accountId', '/fee/amount']);
    expect(wrong({ fee: { ...line, extra: 1 } })).toEqual(['/fee/extra']);
    for (const fee of [null, 'x', 7, [], [line]]) expect(wrong({ fee })).toEqual(['/fee']);
  });

  it('bounds lists', () => {
    expect(wrong({ lines: [line, line, line] })).toEqual([]);
    expect(wrong({ lines: [line, line, line, line] })).toEqual(['/lines']);
  });

  it.each(['extra', 'toString', 'hasOwnProperty', 'constructor', '__proto__'])(
    'refuses the unknown field %s, at any depth',
    (name) => {
      const unknown = JSON.parse(`{"${name}":{}}`) as object;
      const body = Object.assign(unknown, order);
      expect(fieldErrors(OrderDto, body)).toEqual([
        { pointer: `/${name}`, message: 'is not known' },
      ]);
      const inner = Object.assign(JSON.parse(`{"${name}":1}`) as object, line);
      expect(wrong({ lines: [inner] })).toEqual([`/lines/0/${name}`]);
    },
  );

  it('escapes names in pointers', () => {
    expect(wrong({ 'a/b~c': 1 })).toEqual(['/a~1b~0c']);
  });

  it.each(['', 'x'.repeat(65), 'a b', 'ä', 'a/b'])('refuses the clientId %j', (clientId) => {
    expect(wrong({ clientId })).toEqual(['/clientId']);
  });

  it.each(['cash', 'client:', 'client:a b', '01a1fc62', 'CLIENT:cash'])(
    'refuses the reference %j',
    (accountId) => {
      expect(wrong({ lines: [{ ...line, accountId }] })).toEqual(['/lines/0/accountId']);
    },
  );

  it.each(['2025-02-29', '2025-13-01', '2025-1-1', '0000-01-01', '2025-01-01T00:00:00Z'])(
    'refuses the day %j',
    (day) => {
      expect(wrong({ day })).toEqual(['/day']);
    },
  );

  it('bounds metadata', () => {
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v']));
    const proto = JSON.parse('{"__proto__":"x"}') as object;
    const tooLong = 'x'.repeat(501);
    const entries = Array.from({ length: 50 }, (_, i) => [`${i}`.padEnd(64), 'x'.repeat(500)]);
    const large = Object.fromEntries(entries) as Record<string, string>;
    expect(wrong({ metadata: large })).toEqual([]);
    const tooLarge = Object.fromEntries(entries.map(([key]) => [key, 'é'.repeat(350)])) as object;
    const bad = [
      tooLarge,
      many,
      proto,
      { a: 1 },
      { a: null },
      { '': 'x' },
      { a: tooLong },
      [],
      'x',
    ];
    for (const metadata of bad) expect(wrong({ metadata })).toEqual(['/metadata']);
    expect(wrong({ metadata: { ['k'.repeat(64)]: 'x'.repeat(500) } })).toEqual([]);
  });

  it.each([[], null, 'x', 5])('refuses %j as a body', (body) => {
    expect(fieldErrors(OrderDto, body)).toEqual([{ pointer: '', message: 'must be an object' }]);
  });

  it('lists a bounded number of errors', () => {
    const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, 1]));
    expect(fieldErrors(OrderDto, body)).toHaveLength(50);
  });
});

describe('the pipe', () => {
  const pipe = new ValidationPipe();

  it('hands on what came in, and takes no body for an empty object', () => {
    class EmptyDto {}
    const body = { ...order };
    expect(pipe.transform(body, { type: 'body', metatype: OrderDto })).toBe(body);
    expect(pipe.transform(undefined, { type: 'body', metatype: EmptyDto })).toEqual({});
    expect(pipe.transform('x', { type: 'param', metatype: String })).toBe('x');
  });

  it('refuses with all pointers', () => {
    const check = () => pipe.transform({ x: 1 }, { type: 'query', metatype: LineDto });
    expect(check).toThrow(Refusal);
    expect(check).toThrow('The request is not valid');
  });
});

describe('the body of a request', () => {
  const parse = (text: string) => parseJsonBody(Buffer.from(text));

  it('is JSON, or nothing at all', () => {
    expect(parse('{"a":["ü","\\u00fc","😀","\\ud83d\\ude00"]}')).toEqual({
      a: ['ü', 'ü', '😀', '😀'],
    });
    expect(parse('')).toEqual({});
    for (const text of ['{', '{a:1}', "{'a':1}", '{"a":1}x', 'NaN', '\ufeff{}']) {
      expect(() => parse(text)).toThrow(Refusal);
    }
  });

  it('contains nothing that cannot be stored', () => {
    const texts = ['{"a":"\\u0000"}', '{"a":[{"\\u0000":1}]}', '["\\ud800"]', '["\\udc00\\ud800"]'];
    for (const text of texts) expect(() => parse(text)).toThrow(Refusal);
    const halfACharacter = Buffer.concat([Buffer.from('["'), Buffer.of(0xc3), Buffer.from('"]')]);
    expect(() => parseJsonBody(halfACharacter)).toThrow(Refusal);
  });
});
