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

  /** @returns whether there may be more */
  protected abstract doSome(): Promise<boolean>;
}
