import { hash, timingSafeEqual } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { LogDatabase } from '../engine/write/event-log';
import type { Caller } from './caller';

/** An unknown key makes the list be read again, but not more often than this. */
const MIN_READ_INTERVAL_MS = 1_000;
/** A key that was withdrawn is known for this long at most. */
const MAX_AGE_MS = 10_000;

interface KnownKey {
  readonly hash: Buffer;
  readonly caller: Caller;
}

/** SHA-256: a key has 256 random bits, so there is nothing to slow down a guesser for. */
export function hashApiKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** The API keys of the log database, kept in memory for a few seconds. */
export class ApiKeys {
  private known: readonly KnownKey[] = [];
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly db: Kysely<LogDatabase>,
    private readonly onError: (error: unknown) => void = () => undefined,
  ) {}

  /**
   * Who a key belongs to, at once where that is known; undefined for a key that nobody has.
   * @throws whatever the database throws, where it has to be asked
   */
  find(key: string): Caller | undefined | Promise<Caller | undefined> {
    const wanted = hashApiKey(key);
    const caller = this.match(wanted);
    const age = performance.now() - this.readAt;
    if (caller !== undefined) {
      if (age > MAX_AGE_MS) this.read().catch(this.onError);
      return caller;
    }
    if (age < MIN_READ_INTERVAL_MS) return undefined;
    return this.read().then(() => this.match(wanted));
  }

  /** Compares with every key, in a time that tells nothing about any of them. */
  private match(wanted: Buffer): Caller | undefined {
    let found: Caller | undefined;
    for (const known of this.known) {
      if (timingSafeEqual(known.hash, wanted)) found = known.caller;
    }
    return found;
  }

  private read(): Promise<void> {
    this.reading ??= this.load().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async load(): Promise<void> {
    const rows = await this.db
      .selectFrom('api_keys')
      .select(['key_hash', 'name', 'role'])
      .where('withdrawn_at', 'is', null)
      .execute();
    this.known = rows.map(({ key_hash, name, role }) => ({
      hash: key_hash,
      caller: { name, role },
    }));
    this.readAt = performance.now();
  }
}
