import { createHmac, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What a file keeps for its owner alone. */
export interface Secret {
  /** Without outer white space. */
  readonly text: string;
  readonly isNew: boolean;
}

/**
 * The secret that a file keeps; `make` gives it where there is no file. The file is made whole or
 * not at all, whenever the process may be killed; of several processes one makes it, and all read
 * that one.
 */
export async function readOrMakeSecret(file: string, make: () => string): Promise<Secret> {
  const kept = await readSecret(file);
  if (kept !== undefined) return { text: kept, isNew: false };
  const isNew = await withDraft(file, make(), (draft) =>
    link(draft, file).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    ),
  );
  return { text: (await readSecret(file))!, isNew };
}

/** A secret for one purpose that whoever has the other secret can make again, and nobody else. */
export function deriveSecret(secret: string, purpose: string): string {
  return createHmac('sha256', secret).update(purpose).digest('hex');
}

/** Has a file keep another secret; whenever the process may be killed, it keeps one of the two. */
export async function replaceSecret(file: string, secret: string): Promise<void> {
  await withDraft(file, secret, (draft) => rename(draft, file));
}

/** Writes a secret beside its file, and has it put in its place. */
async function withDraft<T>(
  file: string,
  secret: string,
  place: (draft: string) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${secret}\n`);
      // It must not be used before it would outlive a loss of power.
      await handle.sync();
    } finally {
      await handle.close();
    }
    return await place(draft);
  } finally {
    await rm(draft, { force: true });
  }
}

/** The secret that a file keeps; undefined where there is no file. */
export async function readSecret(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text?.trim();
}
