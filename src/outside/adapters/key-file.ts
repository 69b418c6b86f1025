import { randomBytes } from 'node:crypto';
import { readOrMakeSecret, readSecret } from '../../database/secret-file';

/** 256 bits. */
export const KEY_BYTES = 32;

/**
 * The key that a file keeps in base64; made at random where there is none, readable by its owner
 * alone.
 * @throws Error where the file is of no use
 */
export async function readOrMakeKey(file: string): Promise<Buffer> {
  const made = () => randomBytes(KEY_BYTES).toString('base64');
  return keyOf(file, (await readOrMakeSecret(file, made)).text);
}

/**
 * The key that a file keeps; undefined where there is no file.
 * @throws Error where the file is of no use
 */
export async function readKey(file: string): Promise<Buffer | undefined> {
  const text = await readSecret(file);
  return text === undefined ? undefined : keyOf(file, text);
}

function keyOf(file: string, text: string): Buffer {
  const key = Buffer.from(text, 'base64');
  // No new one is made in its place: what the old one was for would be lost without a word.
  if (key.length !== KEY_BYTES) throw new Error(`${file} holds no key of ${KEY_BYTES} bytes`);
  return key;
}
