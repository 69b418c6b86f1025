import 'reflect-metadata';
import { PostTransactionBatchDto } from '../books/transactions/transaction.dto';
import type { Refusal } from '../engine/define/refusal';
import { BODY_LIMIT_BYTES, parseJsonBody, parseJsonInTurns } from './json-body';
import { Turns } from './turns';
import { fieldErrors } from './validation';

/**
 * How many times as long as looking at each of its bytes a body may hold the loop at most: about
 * 50 ms where that takes one. Modules that Jest has loaded check fields four times as slowly as
 * those of the program.
 */
const LOOKS = { refuse: 10, parse: 50, check: 60 } as const;
const ROUNDS = 3;

/** As many items as a body may have bytes for. */
function filled(head: string, item: (i: number) => string, tail: string): string {
  const items: string[] = [];
  let left = BODY_LIMIT_BYTES - head.length - tail.length;
  for (let i = 0; ; i++) {
    const text = item(i);
    left -= text.length + 1;
    if (left < 0) return head + items.join(',') + tail;
    items.push(text);
  }
}

const listed = (count: number, item: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => item(i)).join(',');
const posting = (i: number) =>
  `{"accountId":"client:a","direction":"${i % 2 ? 'debit' : 'credit'}","amount":"1"}`;
const batch = (postings: number, metadata: (i: number) => string = () => '{}') => {
  const item = (i: number) =>
    `{"description":"x","postings":[${listed(postings, posting)}],"metadata":${metadata(i)}}`;
  return `{"mode":"independent","transactions":[${listed(1000, item)}]}`;
};
const BATCH = '{"mode":"atomic","transactions":[';

/** A body, and the pointer to what is refused about it before it is parsed. */
const HOSTILE: readonly [string, string, string][] = [
  ['brackets', '['.repeat(3_800_000), '/0'.repeat(32)],
  ['objects in objects', '{"a":'.repeat(800_000), '/a'.repeat(32)],
  ['a deep posting', `{"postings":[{"a":${'['.repeat(1e6)}`, `/postings/0/a${'/0'.repeat(29)}`],
  ['unknown fields', `{${listed(350_000, (i) => `"k${i}":"1"`)}}`, ''],
  ['a field of many', `{"a/b":{${listed(300, (i) => `"k${i}":""`)}}}`, '/a~1b'],
  ['texts', filled(BATCH, () => '"x"', ']}'), '/transactions/349998'],
  ['empty objects', filled(BATCH, () => '{}', ']}'), '/transactions/174999'],
  ['numbers', filled(BATCH, () => '1.5e-300', ']}'), '/transactions/10000'],
  ['a long number', `{"a":[0,${'1'.repeat(4_000_000)}]}`, '/a/1'],
  ['a long fraction', `{"a":-0.${'1'.repeat(4_000_000)}}`, '/a'],
  ['a long name', `{"a":{"${'n'.repeat(4_000_000)}":1}}`, '/a'],
  ['names', filled(BATCH, (i) => `{"k${i}":""}`, ']}'), '/transactions'],
  ['a NUL', '{"a":["x\\\\","\\u0000"]}', '/a/1'],
  ['half a pair', '{"a":{"b":"\\ud83d\\u0041"}}', '/a/b'],
  ['the other half', '{"a":{"b":"\\ude00"}}', '/a/b'],
  ['a half as a name', '{"a":{"\\ud83d":1}}', '/a'],
];

/** Bodies that are parsed, as dear ones as there may be. */
const DEAR: readonly [string, string][] = [
  ['the most postings', batch(70)],
  ['metadata', batch(2, () => `{${listed(50, (j) => `"key ${j}":"${'v'.repeat(55)}"`)}}`)],
  ['escapes', `{"mode":"${'\\u00e9'.repeat(690_000)}"}`],
  ['a long text', `{"mode":"${'é'.repeat(2_000_000)}"}`],
  ['lists of lists', filled(BATCH, (i) => (i < 50_000 ? '[[[[[]]]]]' : '""'), ']}')],
];

/** What some work takes of a processor, whoever else uses it; the least of some rounds. */
function cost(work: () => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const { user, system } = process.threadCpuUsage();
    work();
    const now = process.threadCpuUsage();
    return (now.user - user + now.system - system) / 1000;
  });
  return Math.min(...rounds);
}

const PLAIN = Buffer.alloc(BODY_LIMIT_BYTES, 'x');

/** What it takes to look at every byte of the largest body, on this machine. */
function lookAtAll(): number {
  return cost(() => {
    let quotes = 0;
    for (const byte of PLAIN) if (byte === 0x22) quotes++;
    expect(quotes).toBe(0);
  });
}

function pointersOf(body: string): string[] {
  try {
    parseJsonBody(Buffer.from(body));
  } catch (error) {
    expect(error).toMatchObject({ code: 'validation_failed' });
    return (error as Refusal).details.errors!.map(({ pointer }) => pointer);
  }
  return [];
}

describe('the bounds of a JSON body', () => {
  it.each(HOSTILE)('refuse %s before they are parsed', (_, body, pointer) => {
    expect(pointersOf(body)).toEqual([expect.stringContaining(pointer)]);
    expect(cost(() => pointersOf(body))).toBeLessThan(LOOKS.refuse * lookAtAll());
  });

  it.each(DEAR)('let through %s, no step of which takes long', async (_, body) => {
    const bytes = Buffer.from(body);
    const turns = new Turns();
    const value = await parseJsonInTurns(bytes, turns).catch(() => undefined);
    const check = () => fieldErrors(PostTransactionBatchDto, value);
    expect(cost(() => void JSON.parse(body))).toBeLessThan(LOOKS.parse * lookAtAll());
    expect(cost(check)).toBeLessThan(LOOKS.check * lookAtAll());
  });

  it('take pairs of surrogates, escapes and brackets in texts for what they are', () => {
    const value = { 'a"\\': ['\u{1f600}', '[[[', '{"', '\\', '"', 'é'], b: -1.5e10, c: {} };
    const text = JSON.stringify(value).replace('\u{1f600}', '\\ud83d\\ude00');
    expect(parseJsonBody(Buffer.from(text))).toEqual(value);
  });

  it.each(['{"a":', '[}', ']', '{"a" "b"}', '"\\u12', '"\\', '{,}', '[1,,2]', 'nul', '-'])(
    'leave %s to the parser',
    (text) => expect(pointersOf(text)).toEqual(['']),
  );

  it('list fifty errors and look no further', () => {
    const postings = Array.from({ length: 1000 }, () => ({ a: 1, b: 2, c: 3 }));
    const transactions = Array.from({ length: 1000 }, () => ({ postings }));
    const errors = fieldErrors(PostTransactionBatchDto, { mode: 'atomic', transactions });
    expect(errors).toHaveLength(50);
    const look = () => fieldErrors(PostTransactionBatchDto, { mode: 'atomic', transactions });
    expect(cost(look)).toBeLessThan(lookAtAll());
  });
});
