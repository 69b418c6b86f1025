import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { checkProperty } from '../../../test/harness/seed';
import type { LedgerEvent } from '../define/event';
import { canonicalEvent, canonicalJson, chainHash } from './hash-chain';

const NASTY = [
  ...['', '"', '\\', '\\"', '\n\r\t\b\f', '\u0000', '\u001f', '\u007f', '\u2028\u2029', '€', '😀'],
  ...['</script>', '{"a":1}', '\u0080', '\uffff', 'ﬀ', 'é', 'e\u0301', '__proto__', 'constructor'],
];
const text = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'grapheme' }));
const nullable = fc.option(text);

const envelope = fc.record({
  position: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  eventId: fc.uuid(),
  commandId: fc.uuid(),
  type: text,
  version: fc.integer({ min: 1, max: 1000 }),
  occurredAt: fc.constant('2026-01-31T10:00:00.500Z'),
  recordedAt: fc.constant('2026-01-31T10:00:00.501Z'),
  actor: text,
  correlationId: nullable,
  causationId: nullable,
});
/** JavaScript lists keys that are whole numbers first, by size; the RFC sorts them as text. */
const key = fc.oneof(
  text,
  fc.nat({ max: 120 }).map(String),
  fc.constantFrom('é', '\ud83d\ude00', '\uffee'),
);
const data = fc.dictionary(key, fc.jsonValue({ depthSize: 'small' }));

/** The same value with the keys of every object in the order of the RFC, as far as that goes. */
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]));
}

describe('canonicalEvent', () => {
  it('is what RFC 8785 makes of the whole event', () => {
    checkProperty(
      fc.property(envelope, data, (event, payload) => {
        const written = canonicalEvent(event, canonicalJson(payload));
        expect(written).toBe(canonicalize({ ...event, data: payload }));
      }),
      1_000,
    );
  });

  it('does not depend on the order of keys, which jsonb does not keep', () => {
    const first = canonicalJson({ b: 1, a: { d: [1, 2], c: null } });
    expect(canonicalJson({ a: { c: null, d: [1, 2] }, b: 1 })).toBe(first);
  });

  it('changes with every field', () => {
    const event: Omit<LedgerEvent, 'hash' | 'data'> = {
      position: 1,
      eventId: 'e',
      commandId: 'c',
      type: 'T',
      version: 1,
      occurredAt: 'o',
      recordedAt: 'r',
      actor: 'a',
      correlationId: null,
      causationId: null,
    };
    const texts = Object.keys(event).map((field) =>
      canonicalEvent(
        { ...event, [field]: field === 'position' || field === 'version' ? 2 : 'x' },
        '{}',
      ),
    );
    texts.push(canonicalEvent(event, '{}'), canonicalEvent(event, '{"a":1}'));
    expect(new Set(texts).size).toBe(Object.keys(event).length + 2);
  });
});

describe('canonicalJson', () => {
  it('is what RFC 8785 makes of any value, sorted already or not', () => {
    const nested = fc.dictionary(key, fc.oneof(data, fc.array(data), text, fc.integer()));
    checkProperty(
      fc.property(nested, fc.boolean(), (value, isSorted) => {
        const given = isSorted ? (sorted(value) as object) : value;
        expect(canonicalJson(given)).toBe(canonicalize(value));
      }),
      500,
    );
  });

  it('refuses what has no JSON form', () => {
    expect(() => canonicalJson({ a: NaN })).toThrow();
    expect(() => canonicalJson({ a: Infinity })).toThrow();
  });
});

describe('chainHash', () => {
  it('is SHA-256 of the previous hash and the canonical text', () => {
    const previous = 'a'.repeat(64);
    const expected = createHash('sha256').update(`${previous}{"é":1}`, 'utf8').digest('hex');
    expect(chainHash(previous, '{"é":1}')).toBe(expected);
    expect(chainHash('b'.repeat(64), '{"é":1}')).not.toBe(expected);
  });
});
