import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';
import { countingTurns } from '../../../test/harness/loop-turns';
import { fingerprintOf } from './command-log';

const ITEM = { z: 1, a: { y: 'ü', b: [1, null, 'x'] } };
const LONG = Array.from({ length: 1_000 }, (_, i) => ({ ...ITEM, i }));

describe('the fingerprint of a request', () => {
  it.each([
    ['nothing', null],
    ['a text', 'x'],
    ['fields', { b: 2, a: 1, c: undefined }],
    ['a short list', { list: [ITEM] }],
    ['a long list', { mode: 'x', list: LONG, at: null, c: undefined, Z: 1 }],
    ['two long lists', { b: LONG, a: LONG.map(String) }],
  ])('of %s is the hash of its canonical form', async (_, input) => {
    const text = canonicalize({ creator: 'Note', input })!;
    const expected = createHash('sha256').update(text).digest('hex');
    expect(await fingerprintOf('Note', input)).toBe(expected);
  });

  it('lets others in while it reads a long list', async () => {
    const { turns } = await countingTurns(() => fingerprintOf('Note', { list: LONG }));
    expect(turns).toBeGreaterThan(10);
  });
});
