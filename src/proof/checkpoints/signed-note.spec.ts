import { createHash } from 'node:crypto';
import { NoteRefused, openNote, parseVerifierKey, signerKey, signNote } from './signed-note';

/** The example of Go's golang.org/x/mod/sumdb/note, which others test against too. */
const GO = {
  seed: Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1),
  publicKey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text:
    'If you think cryptography is the answer to your problem,\n' +
    `then you don't know what your problem is.\n`,
  signature:
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng' +
    'otpRZb6KE6RyyBwJnAM=\n',
};
const NOTE = `${GO.text}\n${GO.signature}`;
const KEY = parseVerifierKey(GO.publicKey);
const OTHER = signerKey('example.com/witness', Buffer.alloc(32, 9));

function opened(note: string | Uint8Array, trusted = [KEY]) {
  return openNote(typeof note === 'string' ? Buffer.from(note) : note, trusted);
}

function refusal(note: string | Uint8Array): string {
  try {
    opened(note);
  } catch (error) {
    if (error instanceof NoteRefused) return error.message;
    throw error;
  }
  return 'It was opened';
}

describe('signed notes', () => {
  it('are to the byte what another program writes', () => {
    const key = signerKey('PeterNeumann', GO.seed);
    expect(key.text).toBe(GO.publicKey);
    expect(signNote(GO.text, key)).toBe(NOTE);
  });

  it('have key ids as the specification computes them', () => {
    const bytes = Buffer.from(
      '1a5cd907143c384c41e830c5bce12aa8817ec5649aaabf2c31388b35b2d744d6',
      'hex',
    );
    const name = Buffer.from('PeterNeumann');
    const hashed = Buffer.concat([name, Buffer.of(0x0a, 0x01), bytes]);
    expect(createHash('sha256').update(hashed).digest('hex').slice(0, 8)).toBe(KEY.id);
  });

  it('are opened with the key, and name who signed', () => {
    expect(opened(NOTE)).toEqual({ text: GO.text, signers: [KEY] });
  });

  it('may have empty lines, other letters and other signatures', () => {
    const text = 'Zoë\n\nund — 🔑\n';
    const witness = signNote(text, OTHER).split('\n\n').at(-1)!;
    const note = signNote(text, signerKey('PeterNeumann', GO.seed)) + witness;
    expect(opened(note)).toEqual({ text, signers: [KEY] });
    expect(opened(note, [OTHER, KEY]).signers).toEqual([KEY, OTHER]);
  });

  it('are refused whatever single bit of them is changed', () => {
    const bytes = Buffer.from(NOTE);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(refusal(changed)).not.toBe('It was opened');
    }
  });

  it('are refused wherever they are cut off', () => {
    const bytes = Buffer.from(NOTE);
    for (let end = 0; end < bytes.length; end++) {
      expect(refusal(bytes.subarray(0, end))).not.toBe('It was opened');
    }
  });

  it.each([
    ['no signature', GO.text, 'It is no signed note'],
    ['an empty signature line', `${GO.text}\n\n`, 'It has no signature line'],
    ['a hyphen for the dash', NOTE.replace('—', '-'), 'It has no signature line'],
    ['another line among them', `${NOTE}hello\n`, 'It has no signature line'],
    ['a carriage return', NOTE.replaceAll('\n', '\r\n'), 'It has control characters'],
    ['a byte order mark', `\ufeff${NOTE}`, /does not fit/],
    ['bytes that are no text', Buffer.from([0xff, 0x0a, 0x0a]), 'It is no UTF-8 text'],
    ['signatures without end', NOTE + GO.signature.repeat(100), 'It has too many signatures'],
    ['a stranger only', signNote(GO.text, OTHER), 'No key that is trusted signed it'],
    [
      'the right key under a wrong name',
      signNote(GO.text, signerKey('Peter', GO.seed)),
      'No key that is trusted signed it',
    ],
    [
      'a wrong signature of a trusted key beside a right one',
      `${NOTE}${GO.signature.replace('JkuBS', 'JkuBT')}`,
      /^The signature of PeterNeumann\+c74f20a3 does not fit/,
    ],
  ])('are refused with %s', (_what, note, message) => {
    expect(refusal(note)).toMatch(message);
  });

  it.each([
    '',
    'PeterNeumann',
    GO.publicKey.replace('PeterNeumann', ''),
    GO.publicKey.replace('PeterNeumann', 'Peter Neumann'),
    GO.publicKey.replace('PeterNeumann', 'Peter'),
    GO.publicKey.replace('c74f20a3', 'c74f20a4'),
    GO.publicKey.replace('+ARpc', '+AhpC'),
    GO.publicKey.slice(0, -4),
    `${GO.publicKey}AAAA`,
  ])('know no public key %j', (text) => {
    expect(() => parseVerifierKey(text)).toThrow(NoteRefused);
  });
});
