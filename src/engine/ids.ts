import { v7 } from 'uuid';

/** Where commands get their time and ids from; tests put a clock of their own here. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** A new time-ordered UUID (version 7): index entries made together stand together. */
  newId(): string;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  newId: () => v7(),
};
