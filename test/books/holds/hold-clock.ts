import { systemClock, uuidV7, type Clock } from '../../../src/engine/define/ids';

/**
 * A clock that a spec moves, both ways, and that stands still meanwhile: never so far from the real
 * one that the ledger would stop, and far enough for holds of some seconds to come and go.
 */
export class HoldClock implements Clock {
  ms = Date.now();

  now(): number {
    return this.ms;
  }

  /** The instant so many milliseconds from the clock's now. */
  in(ms: number): string {
    return new Date(this.ms + ms).toISOString();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  newId(): string {
    return uuidV7(this.ms);
  }
}
