import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { LedgerEvent } from '../../engine/define/event';
import { Registry } from '../../engine/define/registry';
import type { StateDatabase } from '../../engine/define/state-table';
import type { PageRows } from '../../engine/session/page-rows';
import type { Read } from '../../engine/session/state-reader';
import type { LogDatabase } from '../../engine/write/event-log';
import { positionsRecorded } from '../../engine/write/log-times';
import { invalidRequest } from '../../http/problem';
import type { EventDto, EventFilters } from './event.dto';
import { amendmentsOf, listEvents, tasksOf, type EventFilter } from './event.queries';
import { EventSubjects, type EventRange } from './event-subject.queries';
import { eventView } from './event.view';

/** So many events of a thing are looked through for a page, where other filters say more. */
const LOOKS = 2_000;

/** How the databases are read for somebody. */
export interface EventReads {
  /** By one query of the state. */
  one<T>(run: (db: Kysely<StateDatabase>) => Promise<T>): Promise<Read<T>>;
  /** By several, of one snapshot of the state. */
  read<T>(run: (db: Kysely<StateDatabase>) => Promise<T>): Promise<Read<T>>;
  log<T>(run: (log: Kysely<LogDatabase>) => Promise<T>): Promise<T>;
}

/** What a page may have. */
export interface PageSize {
  readonly limit: number;
  /** Default: what an answer may have. */
  readonly bytes?: number;
}

/** A page of events. */
export interface EventPage extends PageRows<EventDto> {
  /** Where the next page begins, if not behind the last row. */
  readonly next: number | undefined;
  /** How far the state had come: no event behind it was looked at. */
  readonly upTo: number;
}

/** Finds the events that callers ask for, page by page. */
@Injectable()
export class EventPages {
  constructor(
    private readonly registry: Registry,
    private readonly subjects: EventSubjects,
  ) {}

  /**
   * The first events of a range that pass all filters, as far as the state has come.
   * @throws Refusal `validation_failed` for a type that there is not
   */
  async page(
    reads: EventReads,
    filters: EventFilters,
    asked: EventRange,
    size: PageSize,
  ): Promise<EventPage> {
    const { actor, correlationId } = filters;
    const filter = { types: this.typesOf(filters.type), actor, correlationId };
    const { range, upTo: looked } = await this.recorded(reads, filters, asked);
    const page = await this.inRange(reads, filters, filter, range, size);
    return { ...page, upTo: Math.min(page.upTo, looked) };
  }

  private async inRange(
    reads: EventReads,
    filters: EventFilters,
    filter: EventFilter,
    range: EventRange,
    size: PageSize,
  ): Promise<EventPage> {
    const { actor, correlationId, accountId, transactionId } = filters;
    const { knownType } = this.subjects;
    if (accountId !== undefined || transactionId !== undefined) {
      return this.touching(reads, filters, range, filter, size);
    }
    const isAlone = actor === undefined && correlationId === undefined;
    const asksKnown = isAlone && filter.types?.includes(knownType) === true;
    const { position: upTo, value } = await reads.one((db) =>
      asksKnown ? this.subjects.findKnown(db, range, size.limit + 1) : Promise.resolve([]),
    );
    const known = { type: knownType, positions: value };
    return reads.log((log) => this.found(log, range, upTo, { ...filter, known }, size));
  }

  /** The event at a position; undefined where the state has not come that far. */
  async at(reads: EventReads, position: number): Promise<EventDto | undefined> {
    const { position: upTo } = await reads.one(nothing);
    if (position > upTo) return undefined;
    const only = { least: position, most: position, order: 'asc' } as const;
    return reads.log(async (log) => (await this.found(log, only, upTo, {}, { limit: 1 })).rows[0]);
  }

  /** The program starts only where it knows every type in the log. @throws Refusal */
  typesOf(text: string | undefined): string[] | undefined {
    const types = text?.split(',');
    const unknown = types?.find((type) => !this.registry.typeOf(type));
    if (unknown === undefined) return types && [...new Set(types)];
    throw invalidRequest({
      pointer: '/type',
      message: `has no event type ${JSON.stringify(unknown)}`,
    });
  }

  /**
   * Events of what the books know that they touched: the state has their positions, of which the
   * log is asked for as many as a page may need. Where other filters leave few of them, a page is
   * short.
   */
  private async touching(
    reads: EventReads,
    { accountId, transactionId }: EventFilters,
    range: EventRange,
    filter: EventFilter,
    size: PageSize,
  ): Promise<EventPage> {
    const looks = Math.max(size.limit + 1, LOOKS);
    const { position: upTo, value: positions } = await reads.read((db) =>
      this.subjects.find(db, { accountId, transactionId, types: filter.types }, range, looks),
    );
    return reads.log(async (log) => {
      const page = await this.found(log, range, upTo, { ...filter, positions }, size);
      const isCut = !page.hasMore && positions.length === looks;
      return isCut ? { ...page, next: positions.at(-1)! } : page;
    });
  }

  private async found(
    log: Kysely<LogDatabase>,
    range: EventRange,
    upTo: number,
    filter: EventFilter,
    size: PageSize,
  ): Promise<EventPage> {
    const reached = within(range, upTo);
    const { rows, hasMore } = await listEvents(log, this.registry, reached, filter, size);
    return { rows: rows.map(await shown(log, rows)), hasMore, next: undefined, upTo };
  }

  /** What of a range was recorded when a caller says, and how far that is known. */
  private async recorded(
    reads: EventReads,
    { recordedFrom: from, recordedTo: to }: EventFilters,
    range: EventRange,
  ): Promise<{ range: EventRange; upTo: number }> {
    if (from === undefined && to === undefined) return { range, upTo: Infinity };
    const { position: upTo } = await reads.one(nothing);
    return reads.log(async (log) => {
      const recorded = await positionsRecorded(log, { from, to }, upTo);
      const least = Math.max(range.least, recorded.least ?? 0);
      return { range: { ...within(range, recorded.most ?? upTo), least }, upTo };
    });
  }
}

/** The position of the state alone. */
export const nothing = () => Promise.resolve();

function within({ least, most, order }: EventRange, upTo: number): EventRange {
  return { least, most: Math.min(most, upTo), order };
}

/** How events are shown, with what came after them. */
async function shown(
  log: Kysely<LogDatabase>,
  events: readonly LedgerEvent[],
): Promise<(event: LedgerEvent) => EventDto> {
  const tasks = await tasksOf(log, events);
  const amended = await amendmentsOf(log, events);
  return (event) => ({
    ...eventView(event),
    amended: amended.get(event.position) ?? null,
    tasks: tasks.get(event.position) ?? [],
  });
}
