import type { Kysely } from 'kysely';
import { LedgerUnavailable } from '../define/refusal';
import type { StateDatabase } from '../define/state-table';
import type { Read, StateReader } from './state-reader';

/** How rows are looked up by a key of theirs, many at once. */
export interface Lookup<Row> {
  /** Makes one query, which finds the rows of any number of keys. */
  readonly find: (db: Kysely<StateDatabase>, keys: readonly string[]) => Promise<readonly Row[]>;
  readonly keyOf: (row: Row) => string | null;
}

/** A key, and how its row is looked up. */
export interface LookupOf<Row> {
  readonly lookup: Lookup<Row>;
  readonly key: string;
}

/** So many keys are asked for by one statement: their rows have room in one answer. */
const MOST_KEYS = 64;
/** So many statements are under way at once: one reads while another's rows become answers. */
const AT_ONCE = 2;

/** So many may wait; one more is refused. */
const MOST_WAITING = 1_000;

/** One who asks for a row. */
interface Asking<Row> {
  readonly key: string;
  readonly made: Promise<void>;
  readonly answer: PromiseWithResolvers<Read<Row | undefined>>;
}

/**
 * Looks up single rows for many who ask at once. Those who come while others are being answered
 * are asked for together, by one statement: alone a row costs as much as twenty do together. A
 * statement begins after the last of its callers has asked, so none sees less than it would alone.
 */
export class AskedTogether<Row> {
  private readonly waiting = new Set<Asking<Row>>();
  private underWay = 0;

  constructor(
    private readonly state: StateReader,
    private readonly lookup: Lookup<Row>,
  ) {}

  /**
   * The row of a key; undefined: there is none.
   * @param made when the answer is made of it, or nobody wants it: until then it takes a turn
   * @param signal aborted where nobody wants it any more
   * @throws LedgerUnavailable as {@link StateReader.readOne}, or where too many wait
   */
  get(key: string, made: Promise<void>, signal?: AbortSignal): Promise<Read<Row | undefined>> {
    if (this.waiting.size >= MOST_WAITING) {
      return Promise.reject(new LedgerUnavailable('Too many reads are waiting'));
    }
    const answer = Promise.withResolvers<Read<Row | undefined>>();
    const asking = { key, made, answer };
    this.waiting.add(asking);
    const leave = () => {
      if (this.waiting.delete(asking)) answer.reject(signal!.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.ask();
    return answer.promise;
  }

  private ask(): void {
    if (this.underWay >= AT_ONCE || this.waiting.size === 0) return;
    this.underWay++;
    void this.answer().finally(() => {
      this.underWay--;
      this.ask();
    });
  }

  /** Those who have waited longest, so many at most. */
  private taken(most: number): Asking<Row>[] {
    const taken: Asking<Row>[] = [];
    for (const one of this.waiting) {
      if (taken.length === most) break;
      taken.push(one);
      this.waiting.delete(one);
    }
    return taken;
  }

  /** Answers those who wait when the statement begins, or cannot begin. Never throws. */
  private async answer(): Promise<void> {
    const over = Promise.withResolvers<void>();
    let asking: Asking<Row>[] = [];
    const take = () => (asking = asking.length > 0 ? asking : this.taken(MOST_KEYS));
    try {
      const { position, value } = await this.state.readOne(
        (db) => this.lookup.find(db, [...new Set(take().map(({ key }) => key))]),
        { turn: { until: over.promise } },
      );
      const rows = new Map(value.map((row) => [this.lookup.keyOf(row), row]));
      for (const { key, answer } of asking) answer.resolve({ position, value: rows.get(key) });
    } catch (error) {
      // Where it could not even begin, the others would wait as long for the same.
      const failed = asking.length > 0 ? asking : this.taken(MOST_WAITING);
      for (const { answer } of failed) answer.reject(error);
    }
    void Promise.all(asking.map(({ made }) => made)).then(() => over.resolve());
  }
}
