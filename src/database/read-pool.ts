import type { Kysely } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { kyselyOn, openClients, type PoolOptions } from './connections';
import { connectionOf } from './writer-connection';

/**
 * A read whose caller has left may still end by itself for so long: most do, and to open another
 * connection costs more than what is left of them.
 */
const GRACE_MS = 200;

/** Reads on a connection, which is given as Kysely and as it is. */
export type ReadOn<DB, T> = (db: Kysely<DB>, client: PoolClient) => Promise<T>;

/**
 * Connections that read for callers who may leave. pg cannot cancel a statement, but a server whose
 * client has gone ends it by itself: so the connection is cut. A request to cancel could come late,
 * and would hit the next statement of that connection.
 */
export class ReadPool<DB> {
  private readonly pool: Pool;
  private closed: Promise<void> | undefined;
  private readonly known = new WeakMap<PoolClient, Kysely<DB>>();

  constructor(options: PoolOptions) {
    this.pool = openClients(options);
  }

  /**
   * Reads on a connection of its own.
   * @throws what `run` throws, which fails soon after the signal was aborted
   */
  async use<T>(run: ReadOn<DB, T>, signal?: AbortSignal): Promise<T> {
    const client = await this.pool.connect();
    let isCut = false;
    let timer: NodeJS.Timeout | undefined;
    const cut = () => {
      isCut = true;
      connectionOf(client).stream.destroy();
    };
    const leave = () => void (timer = setTimeout(cut, GRACE_MS));
    signal?.addEventListener('abort', leave, { once: true });
    try {
      signal?.throwIfAborted();
      return await run(this.on(client), client);
    } finally {
      signal?.removeEventListener('abort', leave);
      clearTimeout(timer);
      client.release(isCut);
    }
  }

  /** To be called when nobody reads any more; whoever does all the same fails. */
  close(): Promise<void> {
    return (this.closed ??= this.pool.end());
  }

  /** To make one takes longer than a short read. */
  private on(client: PoolClient): Kysely<DB> {
    const known = this.known.get(client) ?? kyselyOn<DB>(() => client);
    this.known.set(client, known);
    return known;
  }
}
