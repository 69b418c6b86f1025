import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** 256 bits. */
export const KEY_BYTES = 32;

/**
 * The key that a file keeps in base64; made at random where there is none, readable by its owner
 * alone.
 * @throws Error where the file is of no use
 */
export async function readOrMakeKey(file: string): Promise<Buffer> {
  return (await readKey(file)) ?? (await makeKey(file));
}

/**
 * The key that a file keeps; undefined where there is no file.
 * @throws Error where the file is of no use
 */
export async function readKey(file: string): Promise<Buffer | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const key = Buffer.from(text.trim(), 'base64');
  // No new one is made in its place: what the old one was for would be lost without a word.
  if (key.length !== KEY_BYTES) throw new Error(`${file} holds no key of ${KEY_BYTES} bytes`);
  return key;
}

async function makeKey(file: string): Promise<Buffer> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
    // A key must not be used before it would outlive a loss of power.
    await handle.sync();
  } finally {
    await handle.close();
  }
  // A link is made whole or not at all: of several processes one makes it, and all read that one.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(draft);
  return (await readKey(file))!;
}
