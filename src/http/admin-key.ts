import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { sql, type Kysely } from 'kysely';
import { readOrMakeSecret, readSecret, replaceSecret } from '../database/secret-file';
import { inTransaction, kyselyOn, openPool, ROLES, withSession } from '../database/connections';
import type { LogDatabase } from '../engine/write/event-log';
import { hashApiKey } from './api-keys';

/** What the ledger is opened with, and where the person at the terminal finds it. */
export interface AdminKey {
  /** Undefined where this process knows none, because another one made it. */
  readonly key: string | undefined;
  /** The file that keeps it; undefined where the environment sets it, or nobody here has it. */
  readonly file: string | undefined;
  readonly isNew: boolean;
}

/** Where a process finds its key: set in the environment, or kept in the data directory. */
export interface AdminKeySource {
  readonly dataDir: string;
  readonly configured: string | undefined;
}

/** The key cannot be used; `message` is a sentence for the person at the terminal. */
export class AdminKeyError extends Error {}

const FILE = 'admin-key';
const KEY_BYTES = 32;
const ANSWER_TIMEOUT_MS = 10_000;

interface KnownRow {
  readonly key_hash: Buffer;
  readonly withdrawn_at: unknown;
}

/**
 * The admin's key as this process has it. The first start of a ledger makes one, or takes the one
 * that is set; from then on starting a process changes no key, whatever the process brings.
 * As the log's owner.
 * @throws AdminKeyError where the ledger does not know the key of this process, or no longer
 */
export function openAdminKey(logUrl: string, source: AdminKeySource): Promise<AdminKey> {
  const file = join(source.dataDir, FILE);
  return withKeys(logUrl, async (log, known) => {
    const keptIn = source.configured === undefined ? file : undefined;
    const key = source.configured ?? (await readKey(file));
    if (known.length > 0) {
      if (key === undefined) return { key, file: undefined, isNew: false };
      checkKnown(key, known, keptIn ?? 'ADMIN_API_KEY');
      return { key, file: keptIn, isNew: false };
    }
    const makeKey = () => readOrMakeSecret(file, randomKey);
    const { text, isNew } = key === undefined ? await makeKey() : { text: key, isNew: false };
    // Crash window: the file may be there before the ledger knows its key. The next start takes it.
    await insertKey(log, text);
    return { key: text, file: keptIn, isNew };
  });
}

/**
 * What a process knows of the admin's key that may only read which there are.
 * @param logUrl of the log, as a service logs in
 * @throws AdminKeyError where the ledger does not know the key that is set, or no longer
 */
export async function knownAdminKey(logUrl: string, key: string | undefined): Promise<AdminKey> {
  const adminKey = { key, file: undefined, isNew: false };
  if (key === undefined) return adminKey;
  const timeouts = { lockTimeoutMs: ANSWER_TIMEOUT_MS, statementTimeoutMs: ANSWER_TIMEOUT_MS };
  const log = openPool<LogDatabase>(logUrl, ROLES.logReader, timeouts, 1, () => undefined);
  try {
    const known = await log.selectFrom('api_keys').select(['key_hash', 'withdrawn_at']).execute();
    checkKnown(key, known, 'ADMIN_API_KEY');
    return adminKey;
  } finally {
    await log.destroy();
  }
}

/**
 * Withdraws the admin's key for good and puts another one in its place: the one that is set, or a
 * new one, which the data directory keeps. As the log's owner.
 * @throws AdminKeyError where the key was one before
 */
export function rotateAdminKey(logUrl: string, source: AdminKeySource): Promise<AdminKey> {
  const file = join(source.dataDir, FILE);
  return withKeys(logUrl, async (log, known) => {
    const { configured } = source;
    const key = configured ?? randomKey();
    if (known.some((row) => row.key_hash.equals(hashApiKey(key)))) {
      throw new AdminKeyError('ADMIN_API_KEY is a key that this ledger knows: set another one');
    }
    await log
      .updateTable('api_keys')
      .set({ withdrawn_at: sql`now()` })
      .where('withdrawn_at', 'is', null)
      .execute();
    await insertKey(log, key);
    // Crash window: the file may have a key that the ledger does not. Rotating again mends that.
    if (configured === undefined) await replaceSecret(file, key);
    return { key, file: configured === undefined ? file : undefined, isNew: true };
  });
}

/** Of several processes that start, or rotate, at once one after the other looks and decides. */
function withKeys<T>(
  logUrl: string,
  decide: (log: Kysely<LogDatabase>, known: readonly KnownRow[]) => Promise<T>,
): Promise<T> {
  return withSession(logUrl, (client) => {
    const log = kyselyOn<LogDatabase>(() => client);
    // One connection and no pool, which a transaction of the builder's would want.
    return inTransaction(client, async () => {
      await sql`lock table ${sql.table('api_keys')} in share row exclusive mode`.execute(log);
      const known = await log.selectFrom('api_keys').select(['key_hash', 'withdrawn_at']).execute();
      return decide(log, known);
    });
  });
}

function checkKnown(key: string, known: readonly KnownRow[], place: string): void {
  const row = known.find(({ key_hash }) => key_hash.equals(hashApiKey(key)));
  if (row?.withdrawn_at === null) return;
  const what = row ? 'was withdrawn' : 'is none that this ledger knows';
  throw new AdminKeyError(
    `The admin key of ${place} ${what}: give this process the ledger's key, or none, or make ` +
      'another one the admin key with npm run rotate-admin-key',
  );
}

async function insertKey(log: Kysely<LogDatabase>, key: string): Promise<void> {
  await log
    .insertInto('api_keys')
    .values({ name: 'admin', role: 'admin', key_hash: hashApiKey(key), created_at: sql`now()` })
    .execute();
}

function randomKey(): string {
  return `tb_${randomBytes(KEY_BYTES).toString('base64url')}`;
}

/** The key that a file keeps; undefined where there is no file. */
async function readKey(file: string): Promise<string | undefined> {
  const key = await readSecret(file);
  if (key === '') throw new AdminKeyError(`${file} is empty: remove it, or put the key into it`);
  return key;
}
