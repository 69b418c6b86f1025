import type { Kysely } from 'kysely';
import type { CheckpointConfig } from './checkpoint-config';
import type { LogDatabase } from '../../engine/write/event-log';
import type { LogFinding } from '../replay/report';
import { readTrustedKeys } from './checkpoint-key';
import { openCheckpointStore, type CheckpointStore } from './checkpoint-store';
import { compareWithLog } from './compare-with-log';
import { readCheckpoints, type CheckpointProblem, type NamedCheckpoint } from './read-checkpoints';
import type { VerifierKey } from './signed-note';

/** Problems that a report lists; of the others it says how many. */
const MAX_PROBLEMS = 20;

/** What the checkpoints of one place say about the log. */
export interface CheckpointsReport {
  /** An absolute path, or `s3://bucket/folder`. */
  readonly location: string;
  /** Checkpoints that trusted keys signed. */
  readonly read: number;
  /** Those of them that the log agrees with. */
  readonly agreed: number;
  /** The one of them with the latest position. */
  readonly newestAgreed: {
    readonly name: string;
    readonly position: number;
    readonly time: string;
  } | null;
  /** Files that are no checkpoints of trusted keys, and a place without any: the first few. */
  readonly problems: readonly CheckpointProblem[];
  readonly problemCount: number;
  readonly log: readonly LogFinding[];
}

export interface VerifyCheckpointsOptions {
  readonly store: CheckpointStore;
  readonly trusted: readonly VerifierKey[];
  /** The log's reader; no transaction with a snapshot that is older than the checkpoints. */
  readonly log: Kysely<LogDatabase>;
  readonly signal?: AbortSignal;
}

/**
 * Reads every checkpoint of a place and compares it with the log. All is well where both `problems`
 * and `log` are empty.
 * @throws what store and connection throw
 */
export async function verifyCheckpoints(
  options: VerifyCheckpointsOptions,
): Promise<CheckpointsReport> {
  const { store, trusted, log, signal = new AbortController().signal } = options;
  const problems: CheckpointProblem[] = [];
  let [read, problemCount] = [0, 0];
  const report = (problem: CheckpointProblem) => {
    if (problemCount++ < MAX_PROBLEMS) problems.push(problem);
  };
  const signed = async function* (): AsyncGenerator<NamedCheckpoint> {
    for await (const file of readCheckpoints(store, trusted, signal)) {
      if ('problem' in file) report(file);
      else yield file;
      if ('checkpoint' in file) read++;
    }
  };
  const { findings, agreed, newestAgreed } = await compareWithLog(signed(), log);
  // Whoever removes every checkpoint must not be told that all is well.
  if (read === 0)
    report({ name: store.location, problem: 'There is no checkpoint to compare with' });
  return {
    ...{ location: store.location, read, agreed, problems, problemCount, log: findings },
    newestAgreed: newestAgreed ? summaryOf(newestAgreed) : null,
  };
}

/**
 * Compares the checkpoints of a directory, or of the place that the configuration asks for, with
 * the log; believes the keys that the configuration names.
 * @throws what `verifyCheckpoints` throws, and NoteRefused where a public key is none
 */
export async function verifyCheckpointsOf(options: {
  readonly config: CheckpointConfig;
  readonly directory?: string | undefined;
  readonly log: Kysely<LogDatabase>;
  readonly signal?: AbortSignal;
}): Promise<CheckpointsReport> {
  const { config, directory, ...rest } = options;
  const trusted = await readTrustedKeys(config);
  const store = openCheckpointStore(config, directory);
  try {
    return await verifyCheckpoints({ ...rest, store, trusted });
  } finally {
    await store.close();
  }
}

function summaryOf({ name, checkpoint }: NamedCheckpoint) {
  return { name, position: checkpoint.position, time: checkpoint.time };
}
