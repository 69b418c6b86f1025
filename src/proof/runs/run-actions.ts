import { Inject, Injectable } from '@nestjs/common';
import { sql, type Transaction } from 'kysely';
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseUrls } from '../../database/connections';
import { runAdminCommand, type AdminCommand } from '../../engine/write/admin-command';
import type { Outcome } from '../../engine/define/creator';
import { Turns } from '../../engine/session/turns';
import { Refusal } from '../../engine/define/refusal';
import { DATABASE_URLS } from '../../http/service-tokens';
import { RunInProgress } from '../replay/rebuild';
import { NoWayBack, swapBack } from '../replay/swap';
import { RunPool } from './run-pool';
import { RunRunner, RunTimings } from './run-runner';
import {
  ABORTED_BY_ADMINISTRATOR,
  findRun,
  insertRun,
  lockRuns,
  NOW,
  OPEN_RUN,
  readRun,
  type Run,
} from './run.queries';
import type { RunDatabase, RunKind } from './run.table';
import { replayView, verificationView } from './run.view';
import type { ReplayDto, SwappedBackDto, VerificationDto } from './run.dto';

const LOOK_MS = 100;
/** Swaps one at a time, because each has connections of its own; few wait, and not long. */
const SWAPS = { atOnce: 1, queueLimit: 4, waitMs: 10_000 };

/** Who asks, as every POST of the API says it. */
export type RunActionRequest = Pick<AdminCommand, 'actor' | 'idempotencyKey' | 'dryRun'>;

/** What administrators may ask for. Remembered and repeated like every command. */
@Injectable()
export class RunActions {
  private readonly swaps = new Turns('swaps', SWAPS);

  constructor(
    private readonly pool: RunPool,
    private readonly runner: RunRunner,
    private readonly timings: RunTimings,
    @Inject(DATABASE_URLS) private readonly urls: DatabaseUrls,
  ) {}

  /**
   * Queues a verification up to a position, or to the end of the log. One waits at most, whatever
   * is under way, so that nobody can ask for a hundred rebuilds of all that there is.
   * Refuses `verification_queued`.
   */
  async requestVerification(
    request: RunActionRequest,
    toPosition: number | undefined,
    position: number,
  ): Promise<Outcome<VerificationDto>> {
    const input = toPosition === undefined ? {} : { toPosition };
    const command = { ...request, name: 'RequestVerification', input };
    const outcome = await runAdminCommand(this.pool.db, command, position, async (db) => {
      await lockRuns(db);
      const waiting = await findRun(db, 'verification', ['queued']);
      if (waiting) {
        const detail = 'Another verification waits; ask again once it has begun';
        throw new Refusal('verification_queued', detail, { runId: waiting.run_id });
      }
      return verificationView(await this.insert(db, 'verification', request, input));
    });
    if (isNew(outcome, request)) this.runner.wake();
    return outcome;
  }

  /**
   * Queues a replay, and waits a while for its end.
   * Refuses `replay_in_progress`, and `replay_differs` where it has found that by then.
   * @param acceptReason why differences are accepted; undefined: they are not
   */
  async requestReplay(
    request: RunActionRequest,
    acceptReason: string | undefined,
    position: number,
  ): Promise<Outcome<ReplayDto>> {
    const input = acceptReason === undefined ? {} : { acceptReason };
    const command = { ...request, name: 'RequestReplay', input };
    const outcome = await runAdminCommand(this.pool.db, command, position, async (db) => {
      await lockRuns(db);
      const open = await findRun(db, 'replay', OPEN_RUN);
      if (open) {
        const detail = 'Another replay waits or is under way';
        throw new Refusal('replay_in_progress', detail, { runId: open.run_id });
      }
      return replayView(await this.insert(db, 'replay', request, input));
    });
    if (outcome.kind === 'refused' || (request.dryRun && !outcome.isHit)) return outcome;
    if (!outcome.isHit) this.runner.wake();
    const answer = await this.answerOf(outcome.answer.id);
    return answer.status === 'differs'
      ? { ...outcome, kind: 'refused', refusal: refusalOf(answer) }
      : { ...outcome, answer };
  }

  /**
   * Aborts a verification that is queued, or asks the one under way to stop.
   * Refuses `not_found`, `run_not_active`.
   */
  abortVerification(request: RunActionRequest, id: string, position: number) {
    const command = { ...request, name: 'AbortVerification', input: { id } };
    return runAdminCommand(this.pool.db, command, position, async (db) =>
      verificationView(await abortRun(db, 'verification', id)),
    );
  }

  /** Aborts a replay, as {@link abortVerification} does. The live state stays as it is. */
  abortReplay(request: RunActionRequest, id: string, position: number) {
    const command = { ...request, name: 'AbortReplay', input: { id } };
    return runAdminCommand(this.pool.db, command, position, async (db) =>
      replayView(await abortRun(db, 'replay', id)),
    );
  }

  /**
   * Puts the state of before the last replay in its place again. Where the process dies before the
   * key is remembered, the same request finds no way back.
   * Refuses `no_way_back`, `replay_in_progress`.
   */
  swapBack(request: RunActionRequest, position: number): Promise<Outcome<SwappedBackDto>> {
    const command = { ...request, name: 'SwapBack', input: {} };
    const swap = () =>
      runAdminCommand(this.pool.db, command, position, async () => {
        try {
          const head = await swapBack(this.urls, { isDryRun: request.dryRun ?? false });
          return { position: head.position, hash: head.hash };
        } catch (error) {
          if (error instanceof NoWayBack) throw new Refusal('no_way_back', error.message);
          if (!(error instanceof RunInProgress)) throw error;
          throw new Refusal('replay_in_progress', error.message);
        }
      });
    return this.swaps.take(swap);
  }

  private insert(
    db: Transaction<RunDatabase>,
    kind: RunKind,
    { actor }: RunActionRequest,
    input: { toPosition?: number; acceptReason?: string },
  ): Promise<Run> {
    return insertRun(db, { kind, trigger: 'api', requestedBy: actor, ...input }, 'queued');
  }

  /**
   * What a request for a replay is answered, decided once and kept: who repeats the request gets
   * it again, however far the replay has come since, and also where the first one was cut off.
   */
  private async answerOf(id: string): Promise<ReplayDto> {
    const deadline = performance.now() + this.timings.replayAnswerMs;
    for (;;) {
      const run = await readRun(this.pool.db, 'replay', id);
      if (!run) throw new Error(`Replay ${id} is gone`);
      if (run.answer) return run.answer as ReplayDto;
      if (run.finished_at !== null || performance.now() >= deadline) return this.keepAnswer(run);
      await delay(LOOK_MS);
    }
  }

  private async keepAnswer(run: Run): Promise<ReplayDto> {
    const answer = JSON.stringify(replayView(run));
    const kept = await this.pool.db
      .updateTable('runs')
      .set((eb) => ({ answer: sql<string>`coalesce(${eb.ref('answer')}, ${answer}::json)` }))
      .where('run_id', '=', run.run_id)
      .returning('answer')
      .executeTakeFirstOrThrow();
    return kept.answer as ReplayDto;
  }
}

async function abortRun(db: Transaction<RunDatabase>, kind: RunKind, id: string): Promise<Run> {
  const aborted = await db
    .updateTable('runs')
    .set((eb) => {
      const ifQueued = () => eb.case('status').when('queued');
      return {
        abort_requested: true,
        status: ifQueued()
          .then('aborted' as const)
          .else(eb.ref('status'))
          .end(),
        finished_at: ifQueued().then(NOW).end(),
        error: ifQueued().then(ABORTED_BY_ADMINISTRATOR).end(),
      };
    })
    .where('run_id', '=', id)
    .where('kind', '=', kind)
    .where('status', 'in', ['queued', 'running'])
    .returningAll()
    .executeTakeFirst();
  if (aborted) return aborted;
  const run = await readRun(db, kind, id);
  if (!run) throw new Refusal('not_found', `There is no ${kind} ${id}`);
  throw new Refusal('run_not_active', `The ${kind} ${id} is ${run.status}`);
}

function isNew(outcome: Outcome, { dryRun }: RunActionRequest): boolean {
  return outcome.kind === 'accepted' && !outcome.isHit && !dryRun;
}

function refusalOf({ id }: ReplayDto): Refusal {
  const detail = `GET /v1/admin/replays/${id} says where; accept the differences to replay anyway`;
  return new Refusal('replay_differs', detail, { runId: id });
}
