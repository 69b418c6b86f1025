import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const GZIP = /\.gz$/i;
/** Ends the name of a file that is not complete. */
export const PART = '.part';

/**
 * Writes a file that has its name only once it is complete and on the disk, compressed where that
 * ends in `.gz`. Whoever reads it reads the books, so that nobody but its owner may.
 * @throws what the pieces and the file system throw; nothing is left then
 */
export async function writeWhole(
  path: string,
  pieces: AsyncIterable<Buffer | string>,
): Promise<void> {
  const part = path + PART;
  const file = createWriteStream(part, { mode: 0o600, flush: true });
  try {
    if (GZIP.test(path)) await pipeline(pieces, createGzip(), file);
    else await pipeline(pieces, file);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  // The rename itself is on the disk only after this.
  const folder = await open(dirname(path), 'r');
  await folder.sync().finally(() => folder.close());
}
