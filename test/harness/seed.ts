import fc from 'fast-check';
import { rounds } from './rounds';

/** Numbers that look random and are the same for the same seed. */
export interface Random {
  readonly seed: number;
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** The seed of this run: `SEED` in the environment, else a new one. */
export function runSeed(): number {
  const given = Number(process.env['SEED'] ?? '');
  return Number.isInteger(given) && given > 0 ? given : 1 + Math.floor(Math.random() * 0x7fffffff);
}

/** A generator for one spec; prints the seed that repeats it. */
export function seededRandom(seed = runSeed()): Random {
  process.stderr.write(`SEED=${seed} (${expect.getState().currentTestName})\n`);
  return randomOf(seed);
}

/** mulberry32, by Tommy Ettinger: small, fast, and good enough to choose test cases with. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    seed,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)]!,
  };
}

/** Runs a property with the run's seed; fast-check prints seed and path of a counterexample. */
export function checkProperty<T extends [unknown, ...unknown[]]>(
  property: fc.IRawProperty<T>,
  runs = 200,
): void {
  void fc.assert(property, { numRuns: rounds(runs, runs * 10), ...seedOf() });
}

/** {@link checkProperty} for properties that wait for something. */
export async function checkAsyncProperty<T extends [unknown, ...unknown[]]>(
  property: fc.IAsyncProperty<T>,
  runs = 200,
): Promise<void> {
  await fc.assert(property, { numRuns: rounds(runs, runs * 10), ...seedOf() });
}

function seedOf(): { seed?: number } {
  return process.env['SEED'] === undefined ? {} : { seed: runSeed() };
}
