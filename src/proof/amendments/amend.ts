import type { Kysely } from 'kysely';
import { clientConfig, kyselyOn, ROLES, type DatabaseUrls } from '../../database/connections';
import { WriterConnection } from '../../database/writer-connection';
import {
  firstOfSame,
  rememberAdminCommand,
  repeatAdminCommand,
} from '../../engine/write/admin-command';
import { committedCommandIds } from '../../engine/write/command-log';
import type { Outcome } from '../../engine/define/creator';
import { GENESIS } from '../../engine/define/event';
import { AmendedSince } from '../../engine/catch-up/event-content';
import type { LogDatabase } from '../../engine/write/event-log';
import { lockLog, readLogHead } from '../../engine/write/heads';
import { LedgerUnavailable, Refusal } from '../../engine/define/refusal';
import type { Registry } from '../../engine/define/registry';
import { REBUILD_TIMEOUTS, RunInProgress } from '../replay/rebuild';
import { replay } from '../replay/replay';
import { isOfChain, type RunReport } from '../replay/report';
import { verify } from '../replay/verify';
import type { AmendmentCommand } from './amendment.commands';
import { amendmentDifferences } from './amendment.view';
import { AmendmentWriter } from './amendment-writer';
import {
  amendedEventView,
  planAmendment,
  planRestoration,
  type PlannedChange,
} from './planned-change';
import type { AmendmentDto } from './amendment.dto';

/** Where and with which code events are amended. */
export interface AmendOptions {
  readonly urls: DatabaseUrls;
  readonly registry: Registry;
  readonly onProgress?: ((position: number, head: number) => void) | undefined;
  /** Awaited after every page; for a service whose commands go on meanwhile. */
  readonly pace?: (() => Promise<void>) | undefined;
}

/**
 * Amends events of the log, the audited way out of an Event of Doom. The state is rebuilt beside
 * the live one as if the events had been what they are to be, compared, and takes the live one's
 * place in the step that writes to the log: backups first, then the events, then what says so.
 * Needs no service, and no state that this code could write to. Takes as long as a replay.
 * @throws LedgerUnavailable where another run is under way, or what happened could not be found out
 */
export async function amend(
  options: AmendOptions,
  command: AmendmentCommand,
): Promise<Outcome<AmendmentDto>> {
  const log = new WriterConnection(
    clientConfig(options.urls.log, ROLES.logAmender, REBUILD_TIMEOUTS),
  );
  try {
    await log.connect();
    return await amendOn(options, log, command);
  } catch (error) {
    if (!(error instanceof RunInProgress)) throw error;
    const message = 'Another replay, verification or amendment is under way: wait, or abort it';
    throw new LedgerUnavailable(message, { cause: error });
  } finally {
    log.destroy();
  }
}

async function amendOn(
  options: AmendOptions,
  log: WriterConnection,
  command: AmendmentCommand,
): Promise<Outcome<AmendmentDto>> {
  const db = kyselyOn<LogDatabase>(() => log.current);
  const { position } = (await readLogHead(log)).head;
  const repeated = await repeatAdminCommand<AmendmentDto>(db, command, position);
  if (repeated) return repeated;
  try {
    const changes = await planChanges(options, db, command);
    if (command.dryRun) return await tryOut(options, command, changes);
    return await carryOut(options, log, command, changes);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const outcome = { kind: 'refused', refusal: error, position, isHit: false } as const;
    if (command.dryRun || !error.isRemembered) return outcome;
    await log.rollback();
    return firstOfSame(db, command, position, async () => {
      await rememberAdminCommand(db, command, outcome);
      return outcome;
    });
  }
}

async function planChanges(
  { registry }: AmendOptions,
  db: Kysely<LogDatabase>,
  { name, input }: AmendmentCommand,
): Promise<PlannedChange[]> {
  if (name === 'RestoreEvent') return [await planRestoration(db, input.position, input.amendment)];
  const changes = [await planAmendment(db, registry, input, '/data')];
  for (const [i, wanted] of (input.also ?? []).entries()) {
    const pointer = `/also/${i}`;
    if (changes.some(({ stored }) => stored.position === wanted.position)) {
      const errors = [{ pointer: `${pointer}/position`, message: 'is named twice' }];
      throw new Refusal('validation_failed', 'An event is named twice', { errors });
    }
    changes.push(await planAmendment(db, registry, wanted, `${pointer}/data`));
  }
  return changes;
}

function substitutesOf(changes: readonly PlannedChange[]) {
  return new Map(changes.map(({ stored, content }) => [stored.position, content]));
}

async function tryOut(
  { urls, registry, onProgress, pace }: AmendOptions,
  { input, actor }: AmendmentCommand,
  changes: readonly PlannedChange[],
): Promise<Outcome<AmendmentDto>> {
  const substitutes = substitutesOf(changes);
  const report = await verify({ urls, registry, onProgress, pace, substitutes });
  refuseWhatCannotBe(report);
  const [first, ...also] = changes.map((change) => amendedEventView(change, null));
  const answer = {
    ...first!,
    reason: input.reason,
    amendedBy: actor,
    amendedAt: null,
    also,
    differences: amendmentDifferences(report),
  };
  return { kind: 'accepted', answer, position: report.toPosition, isHit: false };
}

async function carryOut(
  options: AmendOptions,
  log: WriterConnection,
  command: AmendmentCommand,
  changes: readonly PlannedChange[],
): Promise<Outcome<AmendmentDto>> {
  const { urls, registry, onProgress, pace } = options;
  const writer = new AmendmentWriter(log, registry, command, changes);
  const substitutes = substitutesOf(changes);
  try {
    const report = await replay({ urls, registry, onProgress, pace, substitutes, change: writer });
    refuseWhatCannotBe(report);
  } catch (error) {
    if (!writer.isSent) throw error;
    await settle(options, writer, error);
  }
  return writer.outcome!;
}

/** @throws Refusal `amendment_not_materializable`, `log_not_whole`, `amendment_breaks_seal` */
function refuseWhatCannotBe({ doom, log }: RunReport): void {
  if (doom) {
    const { position, type, eventId, error } = doom;
    const detail = `Event ${position} (${type}, ${eventId}) cannot be materialized: ${error}`;
    throw new Refusal('amendment_not_materializable', detail);
  }
  const wrong = log.find(isOfChain);
  if (wrong) throw new Refusal('log_not_whole', wrong.detail);
  const broken = log.find(({ kind }) => kind === 'seal_broken');
  if (broken) throw new Refusal('amendment_breaks_seal', broken.detail);
}

/**
 * The log's commit was sent, and then something failed. Under the log's lock, absent means never;
 * else it has happened, and the state is made what the log says now.
 * @throws LedgerUnavailable
 */
async function settle(
  options: AmendOptions,
  { commandId, command }: AmendmentWriter,
  cause: unknown,
): Promise<void> {
  const { urls, registry, onProgress } = options;
  const log = new WriterConnection(clientConfig(urls.log, ROLES.logAmender, REBUILD_TIMEOUTS));
  try {
    await log.connect();
    await lockLog(log, GENESIS);
    const db = kyselyOn<LogDatabase>(() => log.current);
    const found = await committedCommandIds(db, [commandId!]);
    await log.rollback();
    if (found.size === 0) {
      const message = 'The connection to the log was lost before the commit';
      throw new LedgerUnavailable(message, { cause });
    }
    const { status } = await replay({ urls, registry, onProgress });
    if (status !== 'swapped') {
      throw new LedgerUnavailable(new AmendedSince(command.input.position).message, { cause });
    }
  } finally {
    log.destroy();
  }
}
