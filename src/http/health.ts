import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Config } from '../config';
import type { LogDatabase } from '../engine/event-log';
import { describeFailure } from '../engine/failures';
import { Ledger } from '../engine/ledger';
import { LedgerUnavailable } from '../engine/refusal';
import type { StateReader } from '../engine/state-reader';
import type { ReadyDto } from './health.dto';

/** Who asks for health gives up soon after this. */
const PATIENCE_MS = 2_000;

/** Looks at both databases and at the write path. */
@Injectable()
export class Health {
  constructor(
    private readonly ledger: Ledger,
    private readonly stateReader: StateReader<unknown>,
    private readonly logReader: Kysely<LogDatabase>,
    private readonly config: Config,
  ) {}

  /** Never throws: what is wrong is the answer. */
  async read(): Promise<ReadyDto> {
    // The log first: a batch committed between the two reads must not look like a lag.
    const log = await attempt(this.readLogPosition());
    const state = await attempt(this.stateReader.read(() => Promise.resolve()));
    const refusal = await this.writeFailure();
    const logPosition = log.value ?? null;
    const statePosition = state.value?.position ?? null;
    const isKnown = logPosition !== null && statePosition !== null;
    const failure = refusal ?? log.failure ?? state.failure ?? null;
    return {
      status: failure === null ? 'ready' : 'unavailable',
      logPosition,
      statePosition,
      lag: isKnown ? Math.max(0, logPosition - statePosition) : null,
      databases: {
        log: log.failure === undefined ? 'up' : 'down',
        state: state.failure === undefined ? 'up' : 'down',
      },
      queue: { waiting: this.ledger.status().queued, limit: this.config.engine.queueLimit },
      lastVerification: null,
      failure,
    };
  }

  private async readLogPosition(): Promise<number> {
    const row = await this.logReader
      .selectFrom('event_log')
      .select('position')
      .where('position', '>=', Math.max(1, this.ledger.head.position))
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.position ?? 0;
  }

  /** A failed batch stays the last one where nobody writes, so an empty one is tried. */
  private async writeFailure(): Promise<string | undefined> {
    if (this.ledger.status().failure === undefined) return undefined;
    return (await attempt(this.ledger.heal())).failure;
  }
}

/** What came of an attempt, in time or not. */
async function attempt<T>(work: Promise<T>): Promise<{ value?: T; failure?: string }> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    const late = () => reject(new LedgerUnavailable('A database does not answer in time'));
    timer = setTimeout(late, PATIENCE_MS);
  });
  try {
    return { value: await Promise.race([work, deadline]) };
  } catch (error) {
    return { failure: describeFailure(error) };
  } finally {
    clearTimeout(timer);
  }
}
