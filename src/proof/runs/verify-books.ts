import type { Kysely } from 'kysely';
import { verifyCheckpointsOf, type CheckpointsReport } from '../checkpoints/verify-checkpoints';
import { readTrustedKeys } from '../checkpoints/checkpoint-key';
import type { CheckpointConfig } from '../checkpoints/checkpoint-config';
import type { LogDatabase } from '../../engine/write/event-log';
import type { VerificationReport } from '../replay/report';
import { verify, type VerifyOptions } from '../replay/verify';

/** A verification, with what the checkpoints outside the databases say. */
export interface BooksReport extends VerificationReport {
  /** null: there are none yet, and nobody said where there should be. */
  readonly checkpoints: CheckpointsReport | null;
}

export interface VerifyBooksOptions extends VerifyOptions {
  readonly config: CheckpointConfig;
  /** Where the checkpoints are; default where the configuration has them written to. */
  readonly directory?: string | undefined;
  readonly logReader: Kysely<LogDatabase>;
}

/**
 * Compares the log with its checkpoints, and the state with the log.
 * @throws what `verify` and `verifyCheckpointsOf` throw
 */
export async function verifyBooks(options: VerifyBooksOptions): Promise<BooksReport> {
  const { config, directory, logReader: log, signal } = options;
  const found = await verifyCheckpointsOf({ config, directory, log, ...(signal && { signal }) });
  // Whoever removes all checkpoints is found out by the key, which the first one makes.
  const isNew = directory === undefined && (await readTrustedKeys(config)).length === 0;
  const checkpoints = isNew && found.read === 0 && found.problemCount <= 1 ? null : found;
  const report = await verify({ ...options, findings: checkpoints?.log });
  const isDoubtful = checkpoints !== null && checkpoints.problemCount > 0;
  const status = report.status === 'passed' && isDoubtful ? 'failed' : report.status;
  return { ...report, status, checkpoints };
}
