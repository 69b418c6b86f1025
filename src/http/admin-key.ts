import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { Client } from 'pg';
import { kyselyOn } from '../database/connections';
import type { LogDatabase } from '../engine/write/event-log';
import { hashApiKey } from './api-keys';

/** The first admin's key, and where the person at the terminal finds it. */
export interface AdminKey {
  readonly key: string;
  /** The file that keeps it; undefined where the environment sets it. */
  readonly file: string | undefined;
  readonly isNew: boolean;
}

const FILE = 'admin-key';
const KEY_BYTES = 32;

/** The key that was set, or the one that the data directory keeps; made there once. */
export async function readOrMakeAdminKey(
  dataDir: string,
  configured: string | undefined,
): Promise<AdminKey> {
  if (configured !== undefined) return { key: configured, file: undefined, isNew: false };
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, FILE);
  const made = `tb_${randomBytes(KEY_BYTES).toString('base64url')}`;
  // 'wx': of several processes that start at once one makes the file, and all read it.
  const isNew = await writeFile(file, `${made}\n`, { mode: 0o600, flag: 'wx' }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
  const key = (await readFile(file, 'utf8')).trim();
  if (key === '') throw new AdminKeyError(`${file} is empty: remove it, and a new key is made`);
  return { key, file, isNew };
}

/** The file with the key is of no use; `message` is a sentence for the person at the terminal. */
export class AdminKeyError extends Error {}

/** Makes `key` the admin's; the one before is not accepted any longer. As the log's owner. */
export async function storeAdminKey(logUrl: string, key: string): Promise<void> {
  const client = new Client({ connectionString: logUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await kyselyOn<LogDatabase>(() => client)
      .insertInto('api_keys')
      .values({ name: 'admin', role: 'admin', key_hash: hashApiKey(key), created_at: sql`now()` })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({ key_hash: hashApiKey(key), created_at: sql`now()` })
          .whereRef('api_keys.key_hash', '<>', 'excluded.key_hash'),
      )
      .execute();
  } finally {
    await client.end();
  }
}
