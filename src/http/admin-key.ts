import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { readOrMakeSecret } from '../database/secret-file';
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
  const file = join(dataDir, FILE);
  const make = () => `tb_${randomBytes(KEY_BYTES).toString('base64url')}`;
  const { text: key, isNew } = await readOrMakeSecret(file, make);
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
    await client.query(
      `insert into api_keys (name, role, key_hash) values ('admin', 'admin', $1)
       on conflict (name) do update set key_hash = excluded.key_hash, created_at = now()
       where api_keys.key_hash <> excluded.key_hash`,
      [hashApiKey(key)],
    );
  } finally {
    await client.end();
  }
}
