import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { LedgerEvent } from '../../engine/define/event';
import { ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { cursorKey, limitOf, listOf, numberOf, pageOf, type Page } from '../../http/page';
import { Permission } from '../../http/permission';
import { found, Reads } from '../../http/reads';
import { EventDto, EventListQuery, EventQuery } from './event.dto';
import { EventFeed } from './event.queries';
import { eventView } from './event.view';
import { invalidRequest } from '../../http/problem';
import { Registry } from '../../engine/define/registry';

const EventPage = pageDto(EventDto);
const POSITION = /^[1-9]\d{0,14}$/;

@ApiTags('books')
@Controller('v1/events')
export class EventController {
  constructor(
    private readonly reads: Reads,
    private readonly feed: EventFeed,
    private readonly registry: Registry,
  ) {}

  @Get()
  @Permission('events.read')
  @ApiOperation({ summary: 'List events in order, as far as the state has come' })
  @ApiRead({ type: EventPage })
  async list(
    @Query() query: EventListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<EventDto>> {
    this.checkType(query.type);
    const limit = limitOf(query);
    const [before] = cursorKey(query, 1) as [number];
    const after = query.cursor === undefined ? (numberOf(query.after) ?? 0) : before;
    // Read before the log is: an event that the state does not contain is nobody's business yet.
    const upTo = await this.reads.position(reply);
    const events = await this.feed.list(after, upTo, limit + 1, query.type);
    const show = await this.shown(events);
    return pageOf(listOf(reply), events, limit, (event) => [event.position], show);
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
    const upTo = await this.reads.position(reply);
    const position = POSITION.test(text) ? Number(text) : Infinity;
    const events =
      position <= upTo ? await this.feed.list(position - 1, position, 1, undefined) : [];
    const event = found(events[0], 'event', text);
    return (await this.shown([event]))(event);
  }

  /** The program starts only where it knows every type in the log. @throws Refusal */
  private checkType(type: string | undefined): void {
    if (type === undefined || this.registry.typeOf(type)) return;
    throw invalidRequest({ pointer: '/type', message: 'is no event type' });
  }

  /** How events are shown, with what came after them. */
  private async shown(events: readonly LedgerEvent[]): Promise<(event: LedgerEvent) => EventDto> {
    const tasks = await this.feed.tasksOf(events);
    const amended = await this.feed.amendmentsOf(events);
    return (event) => ({
      ...eventView(event),
      amended: amended.get(event.position) ?? null,
      tasks: tasks.get(event.position) ?? [],
    });
  }
}
