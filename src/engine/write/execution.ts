import assert from 'node:assert';
import { isoTime } from './clock-guard';
import { CommandKeys, type PendingCommand } from './command-keys';
import { checkSameRequest, fingerprintOf, keyReused, responseOf, scopedKey } from './command-log';
import { loadNeeds } from './command-needs';
import { CommandTooLarge, refuseLarge, TimeInBooks, type ExecutionScope } from './execution-scope';
import type { Command, Creator, CreatorContext, Outcome } from '../define/creator';
import type { AppendedEvent, CommandRow } from './event-log';
import type { EventType, Head, LedgerEvent } from '../define/event';
import { encodeChanges } from '../session/flush';
import { canonicalEvent, canonicalJson, chainHash } from './hash-chain';
import { LedgerUnavailable, Refusal } from '../define/refusal';
import { NeedsSavepoint, type BufferedSession } from '../session/buffered-session';
import { materialize, type MaterializationScope } from '../session/materialize';
import { RememberedOutcomes } from './remembered-outcomes';
import {
  encodeInSlices,
  encodeLog,
  LARGE_BATCH_BYTES,
  type EncodedAhead,
  type Sealed,
} from './sealed';
import { RecordedTasks } from './task-log';

/** There is no room for the answer of a command: it alone did not happen. */
export class NoRoomForAnswer extends LedgerUnavailable {}

/** Bytes of events that are appended without letting answers and requests in. */
const EVENT_BYTES_PER_SLICE = 128 * 1024;
/** What an event owes to the command that appends it. */
type EventOrigin = Pick<
  LedgerEvent,
  'commandId' | 'occurredAt' | 'recordedAt' | 'actor' | 'correlationId' | 'causationId'
>;

/**
 * Runs the commands of one batch, one after the other, against one session, and collects what is
 * to be written to the log. Decides nothing about locks and commits: the same code runs ahead of
 * the locks and under them.
 */
export class Execution {
  readonly events: AppendedEvent[] = [];
  readonly commands: PendingCommand[] = [];
  readonly tasks: RecordedTasks;
  /** The head before its first command. */
  readonly startHead: Head;
  /** When the last event before it, or of it, was recorded, RFC 3339; empty before the first. */
  lastRecordedAt: string;
  /** Why rows of earlier commands were not taken when a later one needed them in the database. */
  private refusedBefore: unknown;
  private isSealed = false;
  /** Bytes of the events as they are hashed, and of those of this slice. */
  private eventBytes = 0;
  private sliceBytes = 0;
  /** What was made before the command under way, and the ones inside it. */
  private bytesBefore = 0;
  /** Bytes of the answers that were given again. */
  private repeatedBytes = 0;
  /** Rows of a large batch, its events among them, which are encoded before it is sealed. */
  private encoded: EncodedAhead | undefined;
  private readonly keys: CommandKeys;
  private readonly remembered: RememberedOutcomes;
  /** Keys of the commands that are being run, one inside the other. */
  private readonly running = new Set<string>();
  private readonly materialization: MaterializationScope;

  /**
   * @param lastRecordedAt when the event at the session's head was recorded; empty: there is none
   * @param previous the execution that is being committed while this one runs ahead
   */
  constructor(
    readonly session: BufferedSession,
    private readonly scope: ExecutionScope,
    lastRecordedAt: string,
    previous?: Execution,
  ) {
    this.lastRecordedAt = previous?.lastRecordedAt ?? lastRecordedAt;
    this.startHead = session.head;
    this.remembered = new RememberedOutcomes(scope.registry, scope.log);
    this.keys = new CommandKeys(scope.log, this.remembered, previous?.keys);
    this.tasks = new RecordedTasks(scope.registry.taskNames);
    this.materialization = { state: session, tasks: this.tasks };
  }

  /**
   * Encodes the rows of a large batch in slices, so that sealing it keeps nobody waiting. Once
   * every command has been run.
   * @throws NotEncoded
   */
  async encodeAhead(): Promise<void> {
    if (this.eventBytes <= LARGE_BATCH_BYTES) return;
    this.encoded = await encodeInSlices(this.events, this.session);
  }

  /**
   * Takes what is to be written out of the session, which the next batch may then change, and
   * encodes it. Nothing can be run afterwards.
   * @throws NotEncoded
   */
  seal(): Sealed {
    assert(!this.isSealed, 'An execution is sealed once');
    this.isSealed = true;
    const { encoded } = this;
    const restOfLog = encodeLog(encoded ? [] : this.events, this.commands, this.tasks.rows);
    const log = [...(encoded?.log.take() ?? []), ...restOfLog];
    const restOfState = encodeChanges(this.session.takeChanges());
    const state = [...(encoded?.state.take() ?? []), ...restOfState];
    return { log, state, head: this.session.head, events: this.events };
  }

  /** To be called when the previous execution was committed: the database has its keys now. */
  forgetPrevious(): void {
    this.keys.forgetPrevious();
  }

  /** About how many bytes its commands have made, be it events or answers: small requests may. */
  get bytes(): number {
    return this.eventBytes + this.repeatedBytes;
  }

  get isEmpty(): boolean {
    return this.events.length === 0 && this.commands.length === 0;
  }

  /** Whether an error is not that of the command that met it: earlier ones' rows were refused. */
  isOfEarlierCommand(error: unknown): boolean {
    return error === this.refusedBefore;
  }

  /**
   * Loads what the commands say they will read, or some of them, one at least, where their rows
   * are large.
   * @returns for how many of them
   */
  prepare(commands: readonly Command[], mostBytes: number): Promise<number> {
    const time = new TimeInBooks(this.now(), this.scope.days);
    return loadNeeds(commands, this.session, this.keys, time, mostBytes);
  }

  /** No event is recorded before the one in front of it, whatever became of the clock meanwhile. */
  private now(): string {
    const time = isoTime(this.scope.clock.now());
    return time > this.lastRecordedAt ? time : this.lastRecordedAt;
  }

  /**
   * Runs one command. A refusal undoes that command alone and is an outcome; any other error
   * undoes it alone and is thrown.
   * @throws NoRoomForAnswer
   */
  async run(command: Command): Promise<Outcome> {
    assert(!this.isSealed, 'Nothing is run in what is sealed');
    this.session.beginCommand();
    this.bytesBefore = this.eventBytes;
    try {
      return await this.runOne(command, undefined);
    } catch (error) {
      if (!(error instanceof NeedsSavepoint)) throw error;
      // Everything of this command is undone; what came before it goes to the database, so that
      // the savepoint separates the two there as well.
      await this.sendBefore();
      return this.session.behindSavepoint(() => this.runOne(command, undefined));
    }
  }

  private async sendBefore(): Promise<void> {
    await this.session.sendBuffered().catch((error: unknown) => {
      this.refusedBefore = error;
      throw error;
    });
  }

  /** Runs a command, or one inside another, which is then its cause. */
  async runOne(command: Command, parentId: string | undefined): Promise<Outcome> {
    const { actor, idempotencyKey } = command;
    const before = this.bytes;
    if (idempotencyKey !== undefined) {
      const repeated = await this.repeat(command, idempotencyKey);
      if (repeated) {
        const { answer = null } = repeated as { answer?: unknown };
        this.repeatedBytes += JSON.stringify(answer).length;
        reserve(command, this.bytes - before);
        return repeated;
      }
    }
    const key = idempotencyKey === undefined ? undefined : scopedKey(actor, idempotencyKey);
    await this.session.beginInDatabase();
    const mark = this.mark();
    const id = this.scope.clock.newId();
    const context = new RunningCommand(this, this.scope, command, id, this.now(), parentId);
    let outcome: Outcome;
    let keep = false;
    try {
      if (key !== undefined) this.running.add(key);
      const returned = await command.creator.run(context, command.input);
      const derive = command.creator.answer;
      const answer = derive ? derive(this.events.slice(mark.events)) : returned;
      const { position } = this.session.head;
      reserve(command, this.bytes - before);
      outcome = { kind: 'accepted', answer, position, isHit: false };
      keep = !command.dryRun;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // It is the outermost that is too large: no part of it is kept without the others.
      if (error instanceof CommandTooLarge && parentId !== undefined) throw error;
      const { position } = mark.head;
      outcome = { kind: 'refused', refusal: error, position, isHit: false };
    } finally {
      if (key !== undefined) this.running.delete(key);
      if (!keep) this.undoTo(mark);
      await this.session.endInDatabase(keep);
    }
    if (!command.dryRun) await this.record(command, id, mark.events, outcome);
    return outcome;
  }

  /** The first answer, where the command's key was used before. */
  private async repeat(command: Command, idempotencyKey: string): Promise<Outcome | undefined> {
    const key = scopedKey(command.actor, idempotencyKey);
    if (this.keys.get(key) === undefined) {
      await this.keys.lookUp([{ actor: command.actor, idempotencyKey }]);
    }
    const before = this.keys.get(key);
    if (!before && !this.running.has(key)) return undefined;
    try {
      // A command inside another one is another request, which cannot have the same key.
      if (!before) throw keyReused(idempotencyKey);
      if (!('row' in before)) {
        return await this.remembered.of(before, command);
      }
      const { creator, input } = command;
      await checkSameRequest(before.row.fingerprint, creator.name, input, idempotencyKey);
      return { ...before.outcome, isHit: true };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { position } = this.session.head;
      return { kind: 'refused', refusal: error, position, isHit: false };
    }
  }

  /** Appends an event at the next position and materializes it at once. */
  async append<Data extends object>(
    type: EventType<Data>,
    data: Data,
    origin: EventOrigin,
  ): Promise<LedgerEvent<Data>> {
    const { session } = this;
    const canonicalData = canonicalJson(data);
    const envelope = {
      position: session.head.position + 1,
      eventId: this.scope.clock.newId(),
      type: type.type,
      version: type.version,
      ...origin,
    };
    const canonical = canonicalEvent(envelope, canonicalData);
    const hash = chainHash(session.head.hash, canonical);
    const event = { ...envelope, data, hash, canonicalData };
    this.events.push(event);
    this.lastRecordedAt = origin.recordedAt;
    session.moveTo({ position: event.position, hash });
    session.isMaterializing = true;
    try {
      await materialize(this.scope.registry, event, this.materialization);
    } finally {
      session.isMaterializing = false;
    }
    this.eventBytes += canonical.length;
    this.sliceBytes += canonical.length;
    refuseLarge(this.eventBytes - this.bytesBefore, this.scope);
    if (this.sliceBytes > EVENT_BYTES_PER_SLICE) await this.letOthersIn();
    return event;
  }

  /** Many events, or large ones, must not keep everything else in the process waiting. */
  private async letOthersIn(): Promise<void> {
    this.sliceBytes = 0;
    await new Promise(setImmediate);
  }

  /** Puts the command and what became of it on its way into the log. */
  private async record(
    command: Command,
    id: string,
    firstEvent: number,
    outcome: Outcome,
  ): Promise<void> {
    if (outcome.kind === 'refused' && !outcome.refusal.isRemembered) return;
    const { creator, input } = command;
    const key = command.idempotencyKey ?? null;
    const row: CommandRow = {
      command_id: id,
      first_position: this.events[firstEvent]?.position ?? null,
      last_position: outcome.position,
      actor: command.actor,
      creator: creator.name,
      outcome: outcome.kind,
      idempotency_key: key,
      fingerprint: key === null ? null : await fingerprintOf(creator.name, input),
      response: responseOf(command, outcome),
    };
    const pending = { row, outcome };
    this.commands.push(pending);
    this.keys.remember(pending);
  }

  private mark() {
    const { session, events, commands, tasks } = this;
    return {
      state: session.mark(),
      head: session.head,
      events: events.length,
      commands: commands.length,
      tasks: tasks.rows.length,
      eventBytes: this.eventBytes,
    };
  }

  private undoTo(mark: ReturnType<Execution['mark']>): void {
    this.session.undoTo(mark.state);
    this.session.moveTo(mark.head);
    this.events.length = mark.events;
    this.tasks.rows.length = mark.tasks;
    // Its answer may be as large all the same; but the command that it is part of has none of it.
    this.bytesBefore += this.eventBytes - mark.eventBytes;
    for (const undone of this.commands.splice(mark.commands)) this.keys.forget(undone);
  }
}

/** @throws NoRoomForAnswer */
function reserve(command: Command, bytes: number): void {
  if (command.reserve?.(bytes) !== false) return;
  throw new NoRoomForAnswer('Too many bytes of answers wait to be read');
}

/** What a creator sees: one object a command, of a class, because there are so many of them. */
class RunningCommand extends TimeInBooks implements CreatorContext {
  readonly state: BufferedSession;

  constructor(
    private readonly execution: Execution,
    private readonly scope: ExecutionScope,
    private readonly command: Command,
    private readonly id: string,
    now: string,
    private readonly parentId: string | undefined,
  ) {
    super(now, scope.days);
    this.state = execution.session;
  }

  get actor(): string {
    return this.command.actor;
  }

  get position(): number {
    return this.state.head.position;
  }

  get hash(): string {
    return this.state.head.hash;
  }

  newId(): string {
    return this.scope.clock.newId();
  }

  append<Data extends object>(
    type: EventType<Data>,
    data: Data,
    occurredAt: string = this.now,
  ): Promise<LedgerEvent<Data>> {
    const { command, now } = this;
    return this.execution.append(type, data, {
      commandId: this.id,
      occurredAt,
      recordedAt: now,
      actor: command.actor,
      correlationId: command.correlationId ?? null,
      causationId: command.causationId ?? this.parentId ?? null,
    });
  }

  run<Input, Answer>(
    creator: Creator<Input, Answer>,
    input: Input,
    options?: { readonly idempotencyKey?: string | undefined },
  ): Promise<Outcome<Answer>> {
    const { actor, correlationId } = this.command;
    const child = {
      creator: creator as unknown as Creator,
      input,
      actor,
      correlationId,
      idempotencyKey: options?.idempotencyKey,
    };
    return this.execution.runOne(child, this.id) as Promise<Outcome<Answer>>;
  }
}
