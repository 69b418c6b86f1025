import { kyselyOn } from '../../database/connections';
import { allDone } from '../../database/sqlstates';
import { CommitRefused, type WriterConnection } from '../../database/writer-connection';
import { EventAmended } from '../../engine/catch-up/amendment.events';
import { defineCreator, type Command, type Outcome } from '../../engine/define/creator';
import type { Head, LedgerEvent } from '../../engine/define/event';
import type { LogDatabase } from '../../engine/write/event-log';
import { isTimeAccepted } from '../../engine/write/accepted-times';
import { ClockGuard } from '../../engine/write/clock-guard';
import { Execution } from '../../engine/write/execution';
import { send } from '../../engine/session/flush';
import { canonicalJson } from '../../engine/write/hash-chain';
import { readLogHead, sendStateHead } from '../../engine/write/heads';
import { BookDays } from '../../money/book-days';
import { systemClock } from '../../engine/define/ids';
import { LedgerUnavailable } from '../../engine/define/refusal';
import type { Registry } from '../../engine/define/registry';
import { BufferedSession } from '../../engine/session/buffered-session';
import { underLocksOf } from '../../engine/session/locked-queries';
import type { Rebuild } from '../replay/rebuild';
import type { LogChange } from '../replay/replay';
import type { RunReport } from '../replay/report';
import type { AmendmentCommand } from './amendment.commands';
import { amendmentDifferences } from './amendment.view';
import { amendedData, amendedEventView, type PlannedChange } from './planned-change';
import type { AmendmentDto } from './amendment.dto';

/**
 * Writes amendments to the log, in the one transaction that also says so: first the backup, then
 * the event, then an `EventAmended`, hashed like every event, and the command that asked for it.
 * The hash of the amended event stays that of the original.
 */
export class AmendmentWriter implements LogChange {
  /** What became of the command, once everything is sent. */
  outcome: Outcome<AmendmentDto> | undefined;
  commandId: string | undefined;
  /** Whether it may have happened: the log's commit was sent and not refused. */
  isSent = false;
  readonly reason: string;
  private readonly db = kyselyOn<LogDatabase>(() => this.log.current);

  constructor(
    /** Under the role that may amend. */
    readonly log: WriterConnection,
    private readonly registry: Registry,
    readonly command: AmendmentCommand,
    private readonly changes: readonly PlannedChange[],
  ) {
    const positions = changes.map(({ stored }) => stored.position).join(', ');
    this.reason = `${command.name} ${positions}: ${command.input.reason}`;
  }

  async write(rebuild: Rebuild, head: Head, found: RunReport): Promise<void> {
    const mode = underLocksOf(rebuild.state);
    const session = new BufferedSession(this.registry.tables, head, mode);
    const days = new BookDays('UTC');
    const scope = { registry: this.registry, clock: systemClock, days, log: this.db };
    const askedAt = systemClock.monotonic();
    const { recordedAt: lastRecordedAt, serverTime } = await readLogHead(this.log);
    const execution = new Execution(session, scope, lastRecordedAt);
    const outcome = await execution.run(this.commandOn(rebuild, found));
    const server = { serverMs: Date.parse(serverTime), askedAt };
    const times = { lastRecordedAt, log: server, state: server };
    const guard = new ClockGuard(systemClock);
    await guard.checkLast(times, (at) => isTimeAccepted(this.db, at));
    guard.check(times, execution.lastRecordedAt);
    if (outcome.isHit || outcome.kind === 'refused') {
      throw new LedgerUnavailable('The same request was carried out meanwhile; repeat it');
    }
    const amendments = [...execution.events];
    for (const [i, change] of this.changes.entries()) await this.amend(change, amendments[i]!);
    const sealed = execution.seal();
    await allDone([
      ...send(this.log, sealed.log),
      ...send(rebuild.state, sealed.state),
      sendStateHead(rebuild.state, sealed.head, this.registry.materializersVersion),
    ]);
    this.commandId = execution.commands[0]!.row.command_id;
    this.outcome = outcome as Outcome<AmendmentDto>;
  }

  async commit(): Promise<void> {
    this.isSent = true;
    try {
      await this.log.commit();
    } catch (error) {
      if (error instanceof CommitRefused) this.isSent = false;
      throw error;
    }
  }

  private commandOn(rebuild: Rebuild, found: RunReport): Command<unknown, AmendmentDto> {
    const { name, input, actor, idempotencyKey, correlationId } = this.command;
    const creator = defineCreator<unknown, AmendmentDto>({
      name,
      run: async (context) => {
        const events: LedgerEvent[] = [];
        for (const change of this.changes) {
          const tasksDiffer = rebuild.tasks.differingFrom(change.stored.position);
          const data = amendedData(change, input.reason, tasksDiffer);
          events.push(await context.append(EventAmended, data));
        }
        const views = this.changes.map((c, i) => amendedEventView(c, events[i]!.position));
        return {
          ...views[0]!,
          reason: input.reason,
          amendedBy: actor,
          amendedAt: context.now,
          also: views.slice(1),
          differences: amendmentDifferences(found),
        };
      },
    });
    return { creator, input, actor, idempotencyKey, correlationId };
  }

  /** @throws LedgerUnavailable where the event is no longer what was looked at */
  private async amend({ stored, content, amendment }: PlannedChange, said: LedgerEvent) {
    const { position, version } = stored;
    const known = this.db
      .selectFrom('event_backup')
      .select((eb) => eb(eb.fn.countAll<number>(), '+', eb.lit(1)).as('next'))
      .where('position', '=', position);
    const backup = this.db
      .selectFrom('event_log')
      .select(['position', 'event_id', 'type', 'version', 'data'])
      .select((eb) => [
        eb.cast<number>(eb.val(amendment), 'integer').as('amendment'),
        eb.cast<string>(eb.val(said.recordedAt), 'timestamptz').as('amended_at'),
        eb.val(said.actor).as('amended_by'),
        eb.val(this.command.input.reason).as('reason'),
        eb.cast<number>(eb.val(said.position), 'bigint').as('amended_at_position'),
      ])
      .where('position', '=', position)
      .where('version', '=', version)
      .where(known, '=', amendment);
    const { numInsertedOrUpdatedRows } = await this.db
      .insertInto('event_backup')
      .columns([
        ...(['position', 'event_id', 'type', 'version', 'data'] as const),
        ...(['amendment', 'amended_at', 'amended_by', 'reason', 'amended_at_position'] as const),
      ])
      .expression(backup)
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows !== 1n) {
      throw new LedgerUnavailable(`Event ${position} was amended meanwhile; look at it again`);
    }
    await this.db
      .updateTable('event_log')
      .set({ version: content.version, data: canonicalJson(content.data) })
      .where('position', '=', position)
      .execute();
    await this.db
      .insertInto('event_types')
      .values([content, said].map(({ type, version: stamped }) => ({ type, version: stamped })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}
