import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServiceAway } from './breaker';

const DRAFT = /^\..+\.draft$/;
/** A draft that is older was left behind by a process that died. */
const DRAFT_AGE_MS = 60 * 60 * 1000;

/**
 * Writes a file whole or not at all, over one that is there, and so that it outlives a loss of
 * power. Only the owner may read it and the folders that are made for it: it holds personal data.
 * @throws ServiceAway where the disk is full, or the folder cannot be written
 */
export async function writeFileAtomically(path: string, body: Buffer): Promise<void> {
  const folder = dirname(path);
  // Another run of the same task may be writing too, so each has a draft of its own.
  const draft = join(folder, `.${randomBytes(9).toString('hex')}.draft`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      await writeToDisk(draft, body);
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    await syncFolder(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ServiceAway(`The file could not be written: ${code}`);
  }
}

/** Removes the drafts in a folder and those below that were never finished. */
export async function removeOldDrafts(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile() || !DRAFT.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const found = await stat(path).catch(() => undefined);
    if (found && found.mtimeMs < Date.now() - DRAFT_AGE_MS) await rm(path, { force: true });
  }
}

async function writeToDisk(path: string, body: Buffer): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(body);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The rename itself is on the disk only after this. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
