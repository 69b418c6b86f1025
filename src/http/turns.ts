import { setImmediate } from 'node:timers/promises';

/**
 * Does pieces of work that take long one after the other, each in a turn of the event loop of its
 * own, so that everything else has its turns between them.
 */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** @returns what the work returned, or throws what it threw */
  take<T>(work: () => T): Promise<T> {
    const mine = this.last.then(() => setImmediate()).then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }
}
