import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Kysely } from 'kysely';
import type { LogDatabase } from '../engine/write/event-log';
import type { Caller } from './caller';

/** The list is read again beside a request whose key it knows, once it is as old as this. */
const REFRESH_AFTER_MS = 500;
/** An older list is not believed: a key that was withdrawn is refused from then on. */
const MAX_AGE_MS = 1_000;
/** After a failure the database is left alone for so long. */
const RETRY_AFTER_MS = 1_000;

const BEARER = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

/** The key that a request brings; undefined where it brings none. */
export function bearerKey({ headers }: { readonly headers: IncomingHttpHeaders }) {
  return BEARER.exec(headers.authorization ?? '')?.[1];
}

/** SHA-256: a key has 256 random bits, so there is nothing to slow down a guesser for. */
export function hashApiKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** The API keys of the log database, kept in memory for a second. */
export class ApiKeys {
  /** By the hash of the key, which nobody can choose: how long a look-up takes tells nothing. */
  private callers: ReadonlyMap<string, Caller> = new Map();
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;
  private failed: { readonly at: number; readonly error: unknown } | undefined;

  constructor(
    private readonly db: Kysely<LogDatabase>,
    private readonly onError: (error: unknown) => void = () => undefined,
  ) {}

  /**
   * Who a key belongs to, at once where that is known; undefined for a key that nobody has. However
   * many wrong keys come, all of them together have the list read once a second.
   * @throws whatever the database throws, where it has to be asked
   */
  find(key: string): Caller | undefined | Promise<Caller | undefined> {
    const hashed = hashApiKey(key).toString('base64');
    const caller = this.callers.get(hashed);
    const age = performance.now() - this.readAt;
    if (age > MAX_AGE_MS) return this.read().then(() => this.callers.get(hashed));
    if (caller && age > REFRESH_AFTER_MS) this.read().catch(this.onError);
    return caller;
  }

  private async read(): Promise<void> {
    const { failed } = this;
    if (failed && performance.now() - failed.at < RETRY_AFTER_MS) throw failed.error;
    this.reading ??= this.load().finally(() => (this.reading = undefined));
    await this.reading;
  }

  private async load(): Promise<void> {
    const askedAt = performance.now();
    try {
      const rows = await this.db
        .selectFrom('api_keys')
        .select(['key_hash', 'name', 'role'])
        .where('withdrawn_at', 'is', null)
        .execute();
      this.callers = new Map(
        rows.map(({ key_hash, name, role }) => [key_hash.toString('base64'), { name, role }]),
      );
      // What the answer says held when it was asked for.
      this.readAt = askedAt;
      this.failed = undefined;
    } catch (error) {
      this.failed = { at: performance.now(), error };
      throw error;
    }
  }
}
