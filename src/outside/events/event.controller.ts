import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { LedgerEvent } from '../../engine/define/event';
import { Registry } from '../../engine/define/registry';
import type { LogDatabase } from '../../engine/write/event-log';
import type { PageRows } from '../../engine/session/page-rows';
import { ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import {
  cursorKey,
  encodeCursor,
  limitOf,
  listOf,
  numberOf,
  orderOf,
  pageWith,
  type Page,
} from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { found, Reads } from '../../http/reads';
import { EventDto, EventListQuery, EventQuery } from './event.dto';
import { amendmentsOf, listEvents, tasksOf, type EventFilter } from './event.queries';
import { EventSubjects, type EventRange } from './event-subject.queries';
import { eventView } from './event.view';

const EventPage = pageDto(EventDto);
/** So many events of a thing are looked through for a page, where other filters say more. */
const LOOKS = 2_000;
const POSITION = /^[1-9]\d{0,14}$/;

@ApiTags('books')
@Controller('v1/events')
export class EventController {
  constructor(
    private readonly reads: Reads,
    private readonly registry: Registry,
    private readonly subjects: EventSubjects,
  ) {}

  @Get()
  @Permission('events.read')
  @ApiOperation({ summary: 'List events in order, as far as the state has come' })
  @ApiRead({ type: EventPage })
  async list(
    @Query() query: EventListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<EventDto>> {
    const limit = limitOf(query);
    const { actor, correlationId, accountId, transactionId } = query;
    const filter = { types: this.typesOf(query.type), actor, correlationId };
    const range = await this.rangeOf(reply, query);
    const isKnown = (type: string) => type === this.subjects.knownType;
    let page: FoundPage;
    if (accountId !== undefined || transactionId !== undefined) {
      page = await this.touching(reply, query, range, filter);
    } else if (filter.types?.some(isKnown) && actor === undefined && correlationId === undefined) {
      page = await this.ofKnownType(reply, range, filter, limit);
    } else {
      page = await this.reads.readLog(reply, (log, upTo) =>
        this.page(log, within(range, upTo), filter, limit),
      );
    }
    const list = listOf(reply);
    const { data, nextCursor } = pageWith(
      list,
      page,
      (e) => [e.position],
      (e) => e,
    );
    return { data, nextCursor: page.next ? encodeCursor(list, [page.next]) : nextCursor };
  }

  @Get(':position')
  @Permission('events.read')
  @ApiOperation({ summary: 'Read one event' })
  @ApiRead({ type: EventDto, problems: ['not_found'] })
  async read(
    @Param('position') text: string,
    @Query() _: EventQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<EventDto> {
    const position = POSITION.test(text) ? Number(text) : Infinity;
    const event = await this.reads.readLog(reply, async (log, upTo) => {
      if (position > upTo) return undefined;
      const only = { least: position, most: position, order: 'asc' } as const;
      return (await this.page(log, only, {}, 1)).rows[0];
    });
    return found(event, 'event', text);
  }

  /**
   * Events of what the books know that they touched: the state has their positions, of which the
   * log is asked for as many as a page may need. Where other filters leave few of them, a page is
   * short.
   */
  private async touching(
    reply: Reply,
    query: EventListQuery,
    range: EventRange,
    filter: EventFilter,
  ): Promise<FoundPage> {
    const limit = limitOf(query);
    const looks = Math.max(limit + 1, LOOKS);
    const { accountId, transactionId } = query;
    const { position: upTo, value: positions } = await this.reads.read(reply, (db) =>
      this.subjects.find(db, { accountId, transactionId, types: filter.types }, range, looks),
    );
    return this.reads.log(reply, async (log) => {
      const page = await this.page(log, within(range, upTo), { ...filter, positions }, limit);
      const isCut = !page.hasMore && positions.length === looks;
      return isCut ? { ...page, next: positions.at(-1)! } : page;
    });
  }

  /** Events of several types perhaps, of one of which the books have the positions. */
  private async ofKnownType(
    reply: Reply,
    range: EventRange,
    filter: EventFilter,
    limit: number,
  ): Promise<FoundPage> {
    const { position: upTo, value: positions } = await this.reads.one(reply, (db) =>
      this.subjects.findKnown(db, range, limit + 1),
    );
    const known = { type: this.subjects.knownType, positions };
    return this.reads.log(reply, (log) =>
      this.page(log, within(range, upTo), { ...filter, known }, limit),
    );
  }

  private async page(
    log: Kysely<LogDatabase>,
    range: EventRange,
    filter: EventFilter,
    limit: number,
  ): Promise<PageRows<EventDto>> {
    const { rows, hasMore } = await listEvents(log, this.registry, range, filter, limit);
    return { rows: rows.map(await shown(log, rows)), hasMore };
  }

  /** What a list goes over: after is where it begins, also where it goes backwards. */
  private async rangeOf(reply: Reply, query: EventListQuery): Promise<EventRange> {
    const [place] = cursorKey(query, 1) as [number];
    const order = orderOf(query);
    const least = (numberOf(query.after) ?? 0) + 1;
    const range: EventRange =
      order === 'asc'
        ? { least: Math.max(least, place + 1), most: Number.MAX_SAFE_INTEGER, order }
        : { least, most: place - 1, order };
    const recorded = await this.reads.recorded(reply, query);
    return {
      order,
      least: Math.max(range.least, recorded.least ?? 0),
      most: Math.min(range.most, recorded.most ?? range.most),
    };
  }

  /** The program starts only where it knows every type in the log. @throws Refusal */
  private typesOf(text: string | undefined): string[] | undefined {
    const types = text?.split(',');
    const unknown = types?.find((type) => !this.registry.typeOf(type));
    if (unknown === undefined) return types && [...new Set(types)];
    throw invalidRequest({
      pointer: '/type',
      message: `has no event type ${JSON.stringify(unknown)}`,
    });
  }
}

/** A page, and where the next one begins if not behind its last row. */
type FoundPage = PageRows<EventDto> & { readonly next?: number };

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
