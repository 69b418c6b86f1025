import type { Kysely } from 'kysely';
import type { CheckpointConfig } from './checkpoint-config';
import type { LogDatabase } from '../../engine/write/event-log';
import { checkpointName, signCheckpoint, type Checkpoint } from './checkpoint';
import { openSigningKey, readTrustedKeys } from './checkpoint-key';
import { openCheckpointStore, type CheckpointStore } from './checkpoint-store';
import { readHashes, readHead } from './log-hashes';
import { readCheckpoint, type CheckpointProblem, type NamedCheckpoint } from './read-checkpoints';
import type { SignerKey, VerifierKey } from './signed-note';

/** Files that are looked at for the newest checkpoint, should some of them be none. */
const LOOK_BACK = 16;

/** The log is not the one that was signed before; `message` says what to do. */
export class CheckpointRefused extends Error {
  override readonly name = 'CheckpointRefused';
}

export interface WriteOptions {
  /** The log's reader. */
  readonly log: Kysely<LogDatabase>;
  readonly store: CheckpointStore;
  readonly key: SignerKey;
  /** Whose earlier checkpoints count besides those of `key`. */
  readonly trusted?: readonly VerifierKey[];
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly signal?: AbortSignal;
}

/** The checkpoint of the log's head. */
export interface WrittenCheckpoint extends Checkpoint {
  /** An absolute path, or `s3://bucket/name`. */
  readonly location: string;
  /** False: there was one of this head, and no other was written. */
  readonly isNew: boolean;
  /** Files beside it that are no checkpoints, of the few that were looked at. */
  readonly problems: readonly CheckpointProblem[];
}

/**
 * Signs the log's head and keeps it in the store, unless the newest checkpoint there is of that
 * head already. That of an empty log has position 0 and a hash of zeros. A file is never changed.
 * @throws CheckpointRefused where the log has not what the newest checkpoint says, and what store
 *   and connection throw
 */
export async function writeCheckpoint(options: WriteOptions): Promise<WrittenCheckpoint> {
  const { log, store, key, now = Date.now } = options;
  const signal = options.signal ?? new AbortController().signal;
  const names = await store.list(signal);
  const trusted = [key, ...(options.trusted ?? [])];
  const { newest, problems } = await findNewest(store, names, trusted, signal);
  // Read after the newest checkpoint: another process may have signed a later head meanwhile.
  const head = await readHead(log);
  if (newest) {
    const { checkpoint } = newest;
    const hash = (await readHashes(log, [checkpoint.position])).get(checkpoint.position);
    if (hash !== checkpoint.hash) throw refusal(newest, hash, store);
    if (checkpoint.position >= head.position) {
      const location = `${store.location}/${newest.name}`;
      return { ...checkpoint, location, isNew: false, problems };
    }
  }
  const time = new Date(now()).toISOString();
  const name = checkpointName(head, time);
  if (names.includes(name)) throw new CheckpointRefused(`There is a file ${name} already`);
  const location = await store.write(name, signCheckpoint(head, time, key), signal);
  return { ...head, origin: key.name, time, location, isNew: true, problems };
}

export interface CheckpointNowOptions extends Pick<WriteOptions, 'log' | 'now' | 'signal'> {
  readonly config: CheckpointConfig;
  /** Goes before the place that the configuration asks for. */
  readonly directory?: string;
}

/**
 * Writes a checkpoint with the key and to the place that the configuration asks for.
 * @throws what `writeCheckpoint` throws, and an Error where the key is of no use
 */
export async function checkpointNow(options: CheckpointNowOptions): Promise<WrittenCheckpoint> {
  const { config, directory, ...rest } = options;
  const key = await openSigningKey(config);
  const trusted = await readTrustedKeys(config);
  const store = openCheckpointStore(config, directory);
  try {
    return await writeCheckpoint({ ...rest, store, key, trusted });
  } finally {
    await store.close();
  }
}

/** The checkpoint of the latest position: the last name, unless that file is none. */
async function findNewest(
  store: CheckpointStore,
  names: readonly string[],
  trusted: readonly VerifierKey[],
  signal: AbortSignal,
): Promise<{ newest?: NamedCheckpoint; problems: CheckpointProblem[] }> {
  const problems: CheckpointProblem[] = [];
  for (const name of names.slice(-LOOK_BACK).reverse()) {
    const read = await readCheckpoint(store, name, trusted, signal);
    if ('checkpoint' in read) return { newest: read, problems };
    problems.push(read);
  }
  return { problems };
}

/**
 * Whoever signs two histories under one name is not to be believed in either, so nothing is signed
 * until somebody has looked. c2sp.org/tlog-checkpoint.
 */
function refusal(
  { name, checkpoint }: NamedCheckpoint,
  hash: string | undefined,
  store: CheckpointStore,
): CheckpointRefused {
  const { position, time } = checkpoint;
  const found = hash === undefined ? 'has no event' : 'has another event';
  return new CheckpointRefused(
    `The log ${found} at position ${position}, which checkpoint ${name} of ${time} is about, so ` +
      `nothing was signed. See what happened with "npm run verify -- --checkpoints ` +
      `${store.location}". To go on with this log all the same, move the checkpoints that it ` +
      `does not agree with to another place`,
  );
}
