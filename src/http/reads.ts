import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import { LedgerUnavailable, Refusal } from '../engine/define/refusal';
import type { StateDatabase } from '../engine/define/state-table';
import { AskedTogether, type Lookup, type LookupOf } from '../engine/session/asked-together';
import type {
  DatabaseReader,
  KeptTurn,
  ReadCost,
  ReadOptions,
} from '../engine/session/database-reader';
import { StateReader, type Read, type Snapshot } from '../engine/session/state-reader';
import { TurnRefused } from '../engine/session/turns';
import type { LogDatabase } from '../engine/write/event-log';
import { positionAt, positionsRecorded, type RecordedRange } from '../engine/write/log-times';
import { CURRENCY_PATTERN } from '../money/currency';
import { readInstant } from '../money/instant';
import type { AsOfQuery } from './as-of';
import type { Reply } from './caller';
import { isReference, isUuid } from '../engine/define/reference';
import { numberOf } from './page';
import { invalidRequest } from './problem';
import { CALLERS_LOG } from './service-tokens';

/** So often a piece of an answer asks for a turn, each time as long as reads may wait for one. */
const PIECE_ATTEMPTS = 6;
const PIECE_PAUSE_MS = 1_000;

/**
 * Reads for an answer, and says in a header how far the state goes that was read. A read says what
 * it costs where it is more than a row or a page by its key; once the caller has gone it ends.
 */
@Injectable()
export class Reads {
  /** Of each {@link Lookup} what asks by it. */
  private readonly lookups = new Map<object, object>();

  constructor(
    private readonly state: StateReader,
    @Inject(CALLERS_LOG) private readonly callersLog: DatabaseReader<LogDatabase>,
  ) {}

  /**
   * Reads by one statement, which costs a third of {@link read}: `run` makes one query at most.
   * @throws LedgerUnavailable
   */
  one<T>(reply: Reply, run: ReadState<T>, cost?: ReadCost): Promise<Read<T>> {
    return this.shown(reply, (options) => this.state.readOne(run, options), cost);
  }

  /**
   * Reads the row of a key by a statement that it may share with other callers of the same moment.
   * @returns undefined where there is no such row
   * @throws LedgerUnavailable
   */
  async row<Row>(reply: Reply, { lookup, key }: LookupOf<Row>): Promise<Row | undefined> {
    const { signal, until } = answerTo(reply);
    const { position, value } = await whileThere(
      signal,
      this.together(lookup).get(key, until, signal),
    );
    reply.header('ledger-position', position);
    return value;
  }

  private together<Row>(lookup: Lookup<Row>): AskedTogether<Row> {
    const known = this.lookups.get(lookup) as AskedTogether<Row> | undefined;
    const asked = known ?? new AskedTogether(this.state, lookup);
    this.lookups.set(lookup, asked);
    return asked;
  }

  /**
   * Everything that `run` reads is of one snapshot of the state, whose position it is told.
   * @throws LedgerUnavailable
   */
  read<T>(reply: Reply, run: Snapshot<T>, cost?: ReadCost): Promise<Read<T>> {
    return this.shown(reply, (options) => this.state.read(run, options), cost);
  }

  /**
   * Reads a piece of an answer that is streamed, in a turn of its own, so that others have theirs
   * between two of them. Once the caller has gone it ends too. Has to wait where many read, rather
   * than be refused: an answer that has begun can only break off.
   * @throws LedgerUnavailable after a minute or so
   */
  async piece<T>(reply: Reply, run: ReadState<T>, cost?: ReadCost): Promise<T> {
    const { signal } = answerTo(reply);
    for (let attempt = 1; ; attempt++) {
      try {
        return (await whileThere(signal, this.state.read(run, { cost, signal }))).value;
      } catch (error) {
        const mayWait = error instanceof TurnRefused && attempt < PIECE_ATTEMPTS;
        if (!mayWait || signal.aborted) throw error;
        await whileThere(signal, delay(PIECE_PAUSE_MS, undefined, { signal }));
      }
    }
  }

  /** The position of the state, for answers that are of neither. @throws LedgerUnavailable */
  async position(reply: Reply): Promise<number> {
    const { position } = await this.shown(reply, ({ signal }) =>
      this.state.readOne(none, { signal }),
    );
    return position;
  }

  private async shown<T>(
    reply: Reply,
    read: (options: CallersOptions) => Promise<Read<T>>,
    cost?: ReadCost,
  ): Promise<Read<T>> {
    const options = optionsOf(reply, cost);
    const found = await whileThere(options.signal, read(options));
    reply.header('ledger-position', found.position);
    return found;
  }

  /**
   * Reads the log database as far as the state has come, whose position `run` is told. What the
   * state does not contain is nobody's business yet, so the state is asked first.
   * @throws LedgerUnavailable
   */
  async readLog<T>(
    reply: Reply,
    run: (log: Kysely<LogDatabase>, position: number) => Promise<T>,
    cost?: ReadCost,
  ): Promise<T> {
    // A turn of one class is not kept while one of the other is waited for.
    const position =
      cost === 'expensive' ? await this.position(reply) : (await this.one(reply, none)).position;
    return this.log(reply, (log) => run(log, position), cost);
  }

  /** Reads the log database for an answer that has read the state. @throws LedgerUnavailable */
  async log<T>(
    reply: Reply,
    run: (log: Kysely<LogDatabase>) => Promise<T>,
    cost?: ReadCost,
  ): Promise<T> {
    const options = optionsOf(reply, cost);
    return whileThere(options.signal, this.callersLog.read(run, options));
  }

  /**
   * The position that a caller asks for, by itself or by a time: that of the last event recorded
   * until then, as far as the state has come. undefined: as it is.
   * @throws Refusal `validation_failed` for both
   */
  async asOf(reply: Reply, { at, atPosition }: AsOfQuery): Promise<number | undefined> {
    if (at === undefined) return numberOf(atPosition);
    if (atPosition !== undefined) {
      throw invalidRequest({ pointer: '/at', message: 'must not stand beside atPosition' });
    }
    // Neither turn is kept: what is read as of it may be of the other class, and have to wait.
    const upTo = await this.position(reply);
    const { signal } = answerTo(reply);
    const find = (log: Kysely<LogDatabase>) => positionAt(log, readInstant(at)!, upTo);
    return whileThere(signal, this.callersLog.read(find, { signal }));
  }

  /**
   * The positions of what was recorded in a range of times, both included, as far as the state has
   * come; nothing is said of an end that is not given.
   */
  async recorded(
    reply: Reply,
    { recordedFrom: from, recordedTo: to }: RecordedQuery,
  ): Promise<RecordedRange> {
    if (from === undefined && to === undefined) return {};
    return this.readLog(reply, (log, upTo) => positionsRecorded(log, { from, to }, upTo));
  }

  /**
   * {@link one} as of a position that the caller may have named.
   * @throws Refusal `validation_failed` where the state has not come that far
   */
  async oneAt<T>(
    reply: Reply,
    atPosition: number | undefined,
    run: ReadState<T>,
    cost?: ReadCost,
  ): Promise<Read<T>> {
    return reached(atPosition, await this.one(reply, run, cost));
  }

  /** {@link read} as {@link oneAt}. */
  async readAt<T>(
    reply: Reply,
    atPosition: number | undefined,
    run: ReadState<T>,
    cost?: ReadCost,
  ): Promise<Read<T>> {
    return reached(atPosition, await this.read(reply, run, cost));
  }

  /**
   * The pages of an answer that is streamed, from the first one on. Each further one is a read of
   * its own, of what was known at the position of the first, so that nothing is held while the
   * reader takes its time; it waits among the expensive reads, so that long answers take turns
   * with each other and with reports, and none that a cheap read could have. It waits longer than
   * they do, since the beginning of the answer has been sent.
   */
  async *pages<Page extends { readonly next: unknown }>(
    reply: Reply,
    first: Page,
    readNext: (db: Kysely<StateDatabase>, after: NonNullable<Page['next']>) => Promise<Page>,
  ): AsyncGenerator<Page> {
    let page = first;
    for (;;) {
      yield page;
      const next = page.next as NonNullable<Page['next']> | undefined;
      if (next === undefined) return;
      page = await this.piece(reply, (db) => readNext(db, next), 'expensive');
    }
  }
}

/** @throws Refusal `validation_failed` where the state that was read has not come that far */
function reached<T>(atPosition: number | undefined, { position, value }: Read<T>): Read<T> {
  if (atPosition !== undefined && atPosition > position) {
    const message = `must not be above the ledger's position, ${position}`;
    throw invalidRequest({ pointer: '/atPosition', message });
  }
  return { position: atPosition ?? position, value };
}

/** How lists are asked for what was recorded in a range of times; checked already. */
export interface RecordedQuery {
  readonly recordedFrom?: string;
  readonly recordedTo?: string;
}

/** What of the state an answer is made of. */
type ReadState<T> = (db: Kysely<StateDatabase>) => Promise<T>;
type CallersOptions = ReadOptions & { readonly signal: AbortSignal };

/** The position alone. */
const none = () => Promise.resolve();

/** Has the turns of reads end that were kept for an answer, once that is made. */
export function endTurns(fastify: FastifyInstance): void {
  fastify.addHook('onSend', ({ method }, { raw }, payload, done) => {
    answers.get(raw)?.made();
    // Whoever asks for the head alone has nothing streamed, which would be made to its end.
    const isUnread = method === 'HEAD' && payload instanceof Readable;
    if (isUnread) payload.destroy();
    done(null, isUnread ? Readable.from([]) : payload);
  });
}

/** What a list costs that is filtered by these, for which it has no key: all may be looked at. */
export function filteredBy(...filters: readonly unknown[]): ReadCost {
  return filters.every((filter) => filter === undefined) ? 'cheap' : 'expensive';
}

/** What is known of an answer that is read for. */
interface Answer {
  /** Aborted where the caller's connection ends before the answer does. */
  readonly signal: AbortSignal;
  /** Says that the answer is made, to its last byte, or that nobody wants it. */
  readonly made: () => void;
  /** Until that is said. */
  readonly until: Promise<void>;
  /** The turns that are kept until then. */
  readonly turns: Readonly<Record<ReadCost, KeptTurn>>;
}

const answers = new WeakMap<Reply['raw'], Answer>();

function answerTo({ raw }: Reply): Answer {
  const known = answers.get(raw);
  if (known) return known;
  const controller = new AbortController();
  const { promise: until, resolve: made } = Promise.withResolvers<void>();
  const left = () => {
    made();
    if (!raw.writableFinished) controller.abort(new CallerLeft());
  };
  if (raw.destroyed) left();
  else raw.once('close', left);
  const turn = (): KeptTurn => ({ until });
  const turns = { cheap: turn(), expensive: turn() };
  const answer = { signal: controller.signal, made, until, turns };
  answers.set(raw, answer);
  return answer;
}

/**
 * What is made of rows costs as much as to read them, so a read keeps its turn until its answer is
 * made. Not what a command reads, which has a queue of its own to wait in.
 */
function optionsOf(reply: Reply, cost: ReadCost = 'cheap'): CallersOptions {
  const { signal, turns } = answerTo(reply);
  const isRead = ['GET', 'HEAD'].includes(reply.request.method);
  return { cost, signal, turn: isRead ? turns[cost] : undefined };
}

/** Nobody hears of it. */
class CallerLeft extends LedgerUnavailable {
  constructor() {
    super('The caller has left');
  }
}

/** The connection of a read was cut because the caller left, which is nothing to be logged. */
async function whileThere<T>(signal: AbortSignal, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    throw signal.aborted ? (signal.reason as Error) : error;
  }
}

/** @throws Refusal `not_found` where there is no value */
export function found<T>(value: T | undefined, what: string, id: string): T {
  if (value !== undefined) return value;
  throw new Refusal('not_found', `There is no ${what} ${id}`);
}

/** An id in a path. What is no id names nothing; it must not even reach the database. */
export class ReferencePipe implements PipeTransform<string, string> {
  /** @throws Refusal `not_found` */
  transform(text: string, _: ArgumentMetadata): string {
    if (isReference(text)) return text;
    throw new Refusal('not_found', 'The path contains no id and no "client:" with a clientId');
  }
}

const POSITIVE = /^[1-9]\d{0,14}$/;

/** A position or another number from 1 in a path. */
export class NumberPipe implements PipeTransform<string, number> {
  /** @throws Refusal `not_found` */
  transform(text: string, _: ArgumentMetadata): number {
    if (POSITIVE.test(text)) return Number(text);
    throw new Refusal('not_found', 'The path contains no position');
  }
}

/** The code of a currency in a path. */
export class CurrencyPipe implements PipeTransform<string, string> {
  /** @throws Refusal `not_found` */
  transform(text: string, _: ArgumentMetadata): string {
    if (CURRENCY_PATTERN.test(text)) return text;
    throw new Refusal('not_found', 'The path contains no code of a currency');
  }
}

/** An id in a path of what has no clientId. */
export class IdPipe implements PipeTransform<string, string> {
  /** @throws Refusal `not_found` */
  transform(text: string, _: ArgumentMetadata): string {
    if (isUuid(text)) return text.toLowerCase();
    throw new Refusal('not_found', 'The path contains no id');
  }
}
