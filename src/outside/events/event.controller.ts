import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
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
import { found, Reads } from '../../http/reads';
import { EventDto, EventListQuery, EventQuery } from './event.dto';
import { EventPages, type EventReads } from './event-pages';
import type { EventRange } from './event-subject.queries';

const EventPage = pageDto(EventDto);
const POSITION = /^[1-9]\d{0,14}$/;

@ApiTags('books')
@Controller('v1/events')
export class EventController {
  constructor(
    private readonly reads: Reads,
    private readonly pages: EventPages,
  ) {}

  @Get()
  @Permission('events.read')
  @ApiOperation({ summary: 'List events in order, as far as the state has come' })
  @ApiRead({ type: EventPage })
  async list(
    @Query() query: EventListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<EventDto>> {
    const size = { limit: limitOf(query) };
    const page = await this.pages.page(this.readsFor(reply), query, rangeOf(query), size);
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
    return found(await this.pages.at(this.readsFor(reply), position), 'event', text);
  }

  private readsFor(reply: Reply): EventReads {
    return {
      one: (run) => this.reads.one(reply, run),
      read: (run) => this.reads.read(reply, run),
      log: (run) => this.reads.log(reply, run),
    };
  }
}

/** What a list goes over: after is where it begins, also where it goes backwards. */
function rangeOf(query: EventListQuery): EventRange {
  const [place] = cursorKey(query, 1) as [number];
  const order = orderOf(query);
  const least = (numberOf(query.after) ?? 0) + 1;
  return order === 'asc'
    ? { least: Math.max(least, place + 1), most: Number.MAX_SAFE_INTEGER, order }
    : { least, most: place - 1, order };
}
