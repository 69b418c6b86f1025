import { setTimeout as pause } from 'node:timers/promises';
import type { Schedule } from '../define/schedule';

/** Between two commands, in which others get their turn. */
const PAUSE_MS = 5;

/**
 * Looks at certain times for what is due, and does it some at a time, so that others get their
 * turn between. Who looks, and how often, does not matter: a command that comes too late or too
 * early has to find nothing to do.
 */
export abstract class DueWork implements Schedule {
  abstract readonly name: string;
  abstract readonly pattern: string;
  private isUnderWay = false;

  async run(): Promise<void> {
    // After an outage this takes longer than the next look.
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    try {
      while (await this.doSome()) await pause(PAUSE_MS);
    } finally {
      this.isUnderWay = false;
    }
  }

  /** The first of some, as many as weigh so much together; one may weigh more alone. */
  protected fitting<One>(
    all: readonly One[],
    most: number,
    weightOf: (one: One) => number,
  ): readonly One[] {
    let sum = 0;
    const end = all.findIndex((one, i) => (sum += weightOf(one)) > most && i > 0);
    return end === -1 ? all : all.slice(0, end);
  }

  /** @returns whether there may be more */
  protected abstract doSome(): Promise<boolean>;
}
