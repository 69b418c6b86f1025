import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/**
 * Text with signatures as c2sp.org/signed-note has it, with its Ed25519 signatures: what Go's
 * sumdb/note and the tools of transparency logs read and write.
 */

/** Signature type of Ed25519 in key ids and public keys. */
const ED25519 = 0x01;
const KEY_ID_BYTES = 4;
const PUBLIC_KEY_BYTES = 32;
/** What stands before the 32 bytes of a seed in PKCS #8. RFC 8410, section 7. */
const PKCS8_SEED = Buffer.from('302e020100300506032b657004220420', 'hex');
/** Witnesses may add theirs; the specification wants 16 at least to be accepted. */
const MAX_SIGNATURES = 100;
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z\d+/]+={0,2})$/u;
const VERIFIER_KEY = /^([^\s+]+)\+([\da-f]{8})\+([A-Za-z\d+/]{44})$/u;
/** ASCII control characters other than newline. */
const CONTROL = /[^\P{Cc}\n\u007f-\u009f]/u;

/** The note is not one, or nobody who is trusted signed it; `message` says which, in a sentence. */
export class NoteRefused extends Error {
  override readonly name = 'NoteRefused';
}

/** The public half of a key, with the name that it signs under. */
export interface VerifierKey {
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly id: string;
  readonly publicKey: KeyObject;
  /** `name+id+base64`, as it is given to others. */
  readonly text: string;
}

/** A key that signs notes. */
export interface SignerKey extends VerifierKey {
  readonly privateKey: KeyObject;
}

/** @param seed the 32 bytes that an Ed25519 key is made from; RFC 8032, section 5.1.5 */
export function signerKey(name: string, seed: Uint8Array): SignerKey {
  const der = Buffer.concat([PKCS8_SEED, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { ...verifierKey(name, Buffer.from(x!, 'base64url')), privateKey };
}

/**
 * A public key from its text, `name+id+base64`.
 * @throws NoteRefused where it is not one, or the id is not that of name and key
 */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, id, base64] = VERIFIER_KEY.exec(text) ?? [];
  const bytes = base64 === undefined ? undefined : strictBase64(base64);
  if (name === undefined || bytes?.[0] !== ED25519) {
    throw new NoteRefused(`"${text}" is no public key of the form name+id+base64`);
  }
  const key = verifierKey(name, bytes.subarray(1));
  if (key.id !== id) throw new NoteRefused(`The public key of ${name} does not fit its id ${id}`);
  return key;
}

/** Signs a text, which ends in a newline. @returns the whole note */
export function signNote(text: string, key: SignerKey): string {
  const signature = sign(null, Buffer.from(text), key.privateKey);
  const line = Buffer.concat([Buffer.from(key.id, 'hex'), signature]).toString('base64');
  return `${text}\n\u2014 ${key.name} ${line}\n`;
}

/** What a note says, and which of the trusted keys signed it. */
export interface OpenedNote {
  /** With the newline at its end. */
  readonly text: string;
  readonly signers: readonly VerifierKey[];
}

/**
 * The text of a note that one of the trusted keys signed. Signatures of others are passed over.
 * @throws NoteRefused where it is no note, where a trusted key's signature does not fit, or where
 *   there is none
 */
export function openNote(bytes: Uint8Array, trusted: readonly VerifierKey[]): OpenedNote {
  const note = decode(bytes);
  const end = note.lastIndexOf('\n\n') + 1;
  if (end === 0 || !note.endsWith('\n')) throw new NoteRefused('It is no signed note');
  const text = note.slice(0, end);
  const lines = note.slice(end + 1, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw new NoteRefused('It has too many signatures');
  const signers: VerifierKey[] = [];
  for (const line of lines) {
    const [, name, base64] = SIGNATURE_LINE.exec(line) ?? [];
    const value = base64 === undefined ? undefined : strictBase64(base64);
    if (!value || value.length <= KEY_ID_BYTES) throw new NoteRefused('It has no signature line');
    const id = value.toString('hex', 0, KEY_ID_BYTES);
    const key = trusted.find((known) => known.name === name && known.id === id);
    if (!key) continue;
    if (!verify(null, Buffer.from(text), key.publicKey, value.subarray(KEY_ID_BYTES))) {
      throw new NoteRefused(`The signature of ${name}+${id} does not fit: it was changed`);
    }
    signers.push(key);
  }
  if (signers.length === 0) throw new NoteRefused('No key that is trusted signed it');
  return { text, signers };
}

function verifierKey(name: string, publicKey: Buffer): VerifierKey {
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new NoteRefused('A public key has 32 bytes');
  const typed = Buffer.concat([Buffer.of(ED25519), publicKey]);
  const hash = createHash('sha256').update(`${name}\n`).update(typed).digest('hex');
  const id = hash.slice(0, KEY_ID_BYTES * 2);
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') };
  return {
    ...{ name, id, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) },
    text: `${name}+${id}+${typed.toString('base64')}`,
  };
}

function decode(bytes: Uint8Array): string {
  let note: string;
  try {
    // What it would pass over, such as a byte order mark, is part of what was signed.
    note = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NoteRefused('It is no UTF-8 text');
  }
  if (CONTROL.test(note)) throw new NoteRefused('It has control characters');
  return note;
}

/** The bytes of base64 as it is written, not as Node reads it; undefined for anything else. */
function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
