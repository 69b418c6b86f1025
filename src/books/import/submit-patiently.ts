import { setTimeout as delay } from 'node:timers/promises';
import type { Command, Outcome } from '../../engine/define/creator';
import type { Ledger } from '../../engine/write/ledger';
import { LedgerUnavailable } from '../../engine/define/refusal';

const MAX_ATTEMPTS = 60;
const PAUSE_MS = 1_000;

/**
 * Submits a command again while the ledger is not available: locked by a replay, say. Only for
 * commands that come to the same when they are repeated.
 * @throws LedgerUnavailable where it still is after a minute
 */
export async function submitPatiently<Input, Answer>(
  ledger: Ledger,
  command: Command<Input, Answer>,
): Promise<Outcome<Answer>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ledger.submit(command);
    } catch (error) {
      if (!(error instanceof LedgerUnavailable) || attempt === MAX_ATTEMPTS) throw error;
      await delay(PAUSE_MS);
    }
  }
}
