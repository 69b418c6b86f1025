import { LedgerUnavailable } from '../define/refusal';

/** What bounds those who want to do something. */
export interface TurnBounds {
  /** How many do it at once. */
  readonly atOnce: number;
  /** How many wait for that; one more is refused. */
  readonly queueLimit: number;
  /** How long one waits, in milliseconds. */
  readonly waitMs: number;
}

/** How long a turn stays taken after it took `tookMs`: a rest, in milliseconds. */
export type Rest = (tookMs: number) => number;

/** Lets some do something at once and others wait, in the order in which they came. */
export class Turns {
  private taken = 0;
  private readonly waiting = new Set<() => void>();

  /** @param what names those who wait, in the plural */
  constructor(
    private readonly what: string,
    private readonly bounds: TurnBounds,
    private readonly rest: () => Rest = () => () => 0,
  ) {}

  /**
   * Does some work in its turn. Whoever leaves meanwhile no longer waits.
   * @throws LedgerUnavailable where too many wait or one waited for too long, the signal's reason
   *   where it was aborted, and what `work` throws
   */
  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.taken < this.bounds.atOnce) this.taken++;
    else await this.wait(signal);
    const rest = this.rest();
    const began = performance.now();
    try {
      return await work();
    } finally {
      const restMs = rest(performance.now() - began);
      if (restMs > 0) setTimeout(() => this.pass(), restMs).unref();
      else this.pass();
    }
  }

  /** Waits until a turn is passed on. */
  private async wait(signal: AbortSignal | undefined): Promise<void> {
    const { queueLimit, waitMs } = this.bounds;
    if (this.waiting.size >= queueLimit) {
      throw new LedgerUnavailable(`Too many ${this.what} are waiting`);
    }
    const late = () => new LedgerUnavailable(`Too many ${this.what}: this one waited too long`);
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        this.waiting.delete(begin);
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
      };
      const begin = () => {
        end();
        resolve();
      };
      const leave = () => {
        end();
        reject(signal!.reason as Error);
      };
      const timer = setTimeout(() => {
        end();
        reject(late());
      }, waitMs);
      signal?.addEventListener('abort', leave, { once: true });
      this.waiting.add(begin);
    });
  }

  /** Gives a turn to who has waited longest, or back. */
  private pass(): void {
    const [next] = this.waiting;
    if (next) next();
    else this.taken--;
  }
}
