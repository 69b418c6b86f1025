import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
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
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${make()}\n`);
      // It must not be used before it would outlive a loss of power.
      await handle.sync();
    } finally {
      await handle.close();
    }
    const isNew = await link(draft, file).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    return { text: (await readSecret(file))!, isNew };
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
