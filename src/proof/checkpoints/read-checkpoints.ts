import { ServiceAway } from '../../outside/adapters/breaker';
import { OtherSideAway } from '../../engine/define/task-handler';
import { openCheckpoint, type Checkpoint } from './checkpoint';
import type { CheckpointStore } from './checkpoint-store';
import type { VerifierKey } from './signed-note';
import { errorMessage } from '../../database/errors';

/** A checkpoint that a trusted key signed. */
export interface NamedCheckpoint {
  readonly name: string;
  readonly checkpoint: Checkpoint;
}

/** A file that is no checkpoint, or none of a trusted key. */
export interface CheckpointProblem {
  readonly name: string;
  /** One sentence. */
  readonly problem: string;
}

/** Files under way at once: an object store takes its time for each. */
const READ_AHEAD = 16;

/**
 * Every file of a place in the order of its names, as a checkpoint or as a problem: none is passed
 * over in silence. Holds a few files at a time.
 * @throws what the store throws where it cannot be read at all
 */
export async function* readCheckpoints(
  store: CheckpointStore,
  trusted: readonly VerifierKey[],
  signal: AbortSignal,
): AsyncGenerator<NamedCheckpoint | CheckpointProblem> {
  const names = await store.list(signal);
  for (let i = 0; i < names.length; i += READ_AHEAD) {
    const some = names.slice(i, i + READ_AHEAD);
    yield* await Promise.all(some.map((name) => readCheckpoint(store, name, trusted, signal)));
  }
}

/** Reads one file. @throws what the store throws where it cannot be read at all */
export async function readCheckpoint(
  store: CheckpointStore,
  name: string,
  trusted: readonly VerifierKey[],
  signal: AbortSignal,
): Promise<NamedCheckpoint | CheckpointProblem> {
  try {
    const file = await store.read(name, signal);
    return { name, checkpoint: openCheckpoint(file, trusted) };
  } catch (error) {
    // A store that is away says nothing about the file.
    if (error instanceof ServiceAway || error instanceof OtherSideAway) throw error;
    signal.throwIfAborted();
    return { name, problem: errorMessage(error) };
  }
}
