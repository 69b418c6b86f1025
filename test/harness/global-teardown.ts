import { rm } from 'node:fs/promises';
import type { EmbeddedPostgres } from '../../src/database/embedded-postgres';

interface Run {
  readonly postgres: EmbeddedPostgres;
  readonly runDir: string;
}

/** Set-up and teardown are loaded apart from each other, so the run is kept where both find it. */
const RUN = Symbol.for('truebook.test-run');
const shared = globalThis as { [RUN]?: Run };

export function atTheEnd(postgres: EmbeddedPostgres, runDir: string): void {
  shared[RUN] = { postgres, runDir };
}

/** Stops the run's PostgreSQL and removes its folder. */
export default async function tearDown(): Promise<void> {
  const run = shared[RUN];
  if (!run) return;
  await run.postgres.close();
  await rm(run.runDir, { recursive: true, force: true });
}
