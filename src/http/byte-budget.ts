import assert from 'node:assert';

/** Bytes that may be held at once; what would pass the limit is not begun. */
export class ByteBudget {
  private held = 0;

  constructor(private readonly limit: number) {}

  /** Whether there is room. What is larger than the limit has it where nothing else is held. */
  take(bytes: number): boolean {
    if (this.held > 0 && this.held + bytes > this.limit) return false;
    this.held += bytes;
    return true;
  }

  /** Holds bytes that are there already, whether there is room or not. */
  hold(bytes: number): void {
    this.held += bytes;
  }

  give(bytes: number): void {
    this.held -= bytes;
    assert(this.held >= 0, 'More bytes were given back than taken');
  }
}
