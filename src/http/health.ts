import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Config } from '../config';
import type { LogDatabase } from '../engine/event-log';
import { describeFailure } from '../engine/failures';
import { Ledger } from '../engine/ledger';
import { LedgerUnavailable } from '../engine/refusal';
import type { StateReader } from '../engine/state-reader';
import type { Background, LastVerification } from './background';
import type { ReadyDto } from './health.dto';
import { within } from '../engine/within';

/** Who asks for health gives up soon after this. */
const PATIENCE_MS = 2_000;
/** Health needs no key, so it does not say where the queue is. */
const QUEUE_AWAY = 'The queue of the tasks cannot be reached';

/** Looks at both databases, at the write path and at the queue of the tasks. */
@Injectable()
export class Health {
  constructor(
    private readonly ledger: Ledger,
    private readonly stateReader: StateReader<unknown>,
    private readonly logReader: Kysely<LogDatabase>,
    private readonly config: Config,
    private readonly background: Background,
  ) {}

  /** Never throws: what is wrong is the answer. */
  async read(): Promise<ReadyDto> {
    const queue = this.readQueue();
    const lastVerification = this.readLastVerification();
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
      queue: await queue,
      adapters: this.background.adapters(),
      lastVerification: await lastVerification,
      failure,
    };
  }

  /** A queue that is down delays tasks and nothing else, so the service stays ready. */
  private async readQueue(): Promise<ReadyDto['queue']> {
    const { backend } = this.background.queue;
    const { failure } = await attempt(this.background.queue.check(), () => QUEUE_AWAY);
    return {
      waiting: this.ledger.status().queued,
      limit: this.config.engine.queueLimit,
      status: failure === undefined ? 'up' : 'down',
      backend,
      failure: failure ?? null,
    };
  }

  /**
   * A verification that failed is for people to look at: taking the service out of use would not
   * mend the books, and may be the wrong answer to one wrong row.
   */
  private async readLastVerification(): Promise<ReadyDto['lastVerification']> {
    const { value } = await attempt(this.background.lastVerification());
    if (!value) return null;
    const { id, status, finishedAt, toPosition } = value;
    return { id, status, finishedAt, ageSeconds: ageOf(value), toPosition };
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

/** Seconds since it ended. */
export function ageOf({ finishedAt }: Pick<LastVerification, 'finishedAt'>): number {
  return Math.max(0, Math.round((Date.now() - Date.parse(finishedAt)) / 1000));
}

/** What came of an attempt, in time or not. */
async function attempt<T>(
  work: Promise<T>,
  describe: (error: unknown) => string = describeFailure,
): Promise<{ value?: T; failure?: string }> {
  const late = () => new LedgerUnavailable('A database does not answer in time');
  try {
    return { value: await within(PATIENCE_MS, work, late) };
  } catch (error) {
    return { failure: describe(error) };
  }
}
