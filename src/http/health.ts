import { Inject, Injectable, Optional } from '@nestjs/common';
import { lastPosition } from '../engine/write/event-log';
import { describeFailure } from '../engine/write/failures';
import type { OpenLedger } from '../engine/open-ledger';
import { Ledger } from '../engine/write/ledger';
import { LedgerUnavailable } from '../engine/define/refusal';
import { AdapterHealth, QueueHealth, VerificationHealth } from './health-parts';
import type { ReadyDto } from './health.dto';
import { CONFIG, OPEN_LEDGER } from './service-tokens';
import { within } from './within';

/** Who asks for health gives up soon after this. */
const PATIENCE_MS = 2_000;
/** What was found is told for so long to all who ask: to be asked often must cost nothing. */
const KEPT_MS = 1_000;
/** Health needs no key, so it does not say where the queue is. */
const QUEUE_AWAY = 'The queue of the tasks cannot be reached';

/**
 * Looks at both databases over connections of its own, at the write path, and at what the features
 * have running beside them; a service without such a feature has nothing there that could be down.
 */
@Injectable()
export class Health {
  private kept: Promise<ReadyDto> | undefined;
  private keptUntil = -Infinity;

  constructor(
    private readonly ledger: Ledger,
    @Inject(OPEN_LEDGER) private readonly open: Pick<OpenLedger, 'health'>,
    @Inject(CONFIG) private readonly config: { readonly engine: { readonly queueLimit: number } },
    @Optional() private readonly queue?: QueueHealth,
    @Optional() private readonly adapters?: AdapterHealth,
    @Optional() private readonly verifications?: VerificationHealth,
  ) {}

  /** Of this second. Never throws: what is wrong is the answer. */
  read(): Promise<ReadyDto> {
    const isFresh = performance.now() < this.keptUntil;
    if (!this.kept || !isFresh) {
      // While it is being found out all who ask wait for that.
      this.keptUntil = Infinity;
      this.kept = this.look().finally(() => (this.keptUntil = performance.now() + KEPT_MS));
    }
    return this.kept;
  }

  private async look(): Promise<ReadyDto> {
    // Side by side: each of them may take all the time that there is.
    const [{ log, state }, refusal, queue, lastVerification] = await Promise.all([
      this.readPositions(),
      this.writeFailure(),
      this.readQueue(),
      this.readLastVerification(),
    ]);
    const logPosition = log.value ?? null;
    const statePosition = state.value ?? null;
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
      queue,
      adapters: this.adapters?.status() ?? [],
      lastVerification,
      failure,
    };
  }

  /**
   * A batch that was committed between the two reads must not look like a lag, so a state that
   * seems to be behind is read once more, in what is left of the time.
   */
  private async readPositions(): Promise<Record<'log' | 'state', Attempt<number>>> {
    const began = performance.now();
    const [log, state] = await Promise.all([
      attempt(this.readLogPosition()),
      attempt(this.readStatePosition()),
    ]);
    const isBehind =
      log.value !== undefined && state.value !== undefined && state.value < log.value;
    if (!isBehind) return { log, state };
    const left = PATIENCE_MS - (performance.now() - began);
    const again = await attempt(this.readStatePosition(), left);
    return { log, state: again.value === undefined ? state : again };
  }

  /** A queue that is down delays tasks and nothing else, so the service stays ready. */
  private async readQueue(): Promise<ReadyDto['queue']> {
    const checked = this.queue?.check() ?? Promise.resolve();
    const { failure } = await attempt(checked, PATIENCE_MS, () => QUEUE_AWAY);
    return {
      waiting: this.ledger.status().queued,
      limit: this.config.engine.queueLimit,
      status: failure === undefined ? 'up' : 'down',
      backend: this.queue?.backend ?? 'postgres',
      failure: failure ?? null,
    };
  }

  /**
   * A verification that failed is for people to look at: taking the service out of use would not
   * mend the books, and may be the wrong answer to one wrong row.
   */
  private async readLastVerification(): Promise<ReadyDto['lastVerification']> {
    const asked = this.verifications?.lastVerification() ?? Promise.resolve(null);
    const { value } = await attempt(asked);
    if (!value) return null;
    const { id, status, finishedAt, toPosition } = value;
    return { id, status, finishedAt, ageSeconds: secondsSince(finishedAt), toPosition };
  }

  private readLogPosition(): Promise<number> {
    return this.open.health.log.use((log) => lastPosition(log, this.ledger.head));
  }

  private async readStatePosition(): Promise<number> {
    const { position } = await this.open.health.state.use((state) =>
      state.selectFrom('event_log_state').select('position').executeTakeFirstOrThrow(),
    );
    return position;
  }

  /**
   * What writes last met. Nobody may write while this is no, so the databases are asked to take
   * something, which is what an empty batch after a failed one does.
   */
  private async writeFailure(): Promise<string | undefined> {
    if (this.ledger.status().failure === undefined) return undefined;
    const { failure } = await attempt(this.ledger.heal());
    return failure ?? this.ledger.status().failure;
  }
}

/** Whole seconds since a time, RFC 3339. */
export function secondsSince(time: string): number {
  return Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
}

interface Attempt<T> {
  readonly value?: T;
  readonly failure?: string;
}

/** What came of an attempt, in time or not. */
async function attempt<T>(
  work: Promise<T>,
  patienceMs = PATIENCE_MS,
  describe: (error: unknown) => string = describeFailure,
): Promise<Attempt<T>> {
  const late = () => new LedgerUnavailable('A database does not answer in time');
  try {
    return { value: await within(patienceMs, work, late) };
  } catch (error) {
    return { failure: describe(error) };
  }
}
