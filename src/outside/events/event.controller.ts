import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { LedgerEvent } from '../../engine/define/event';
import { Registry } from '../../engine/define/registry';
import type { LogDatabase } from '../../engine/write/event-log';
import { ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { cursorKey, limitOf, listOf, numberOf, pageWith, type Page } from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { filteredBy, found, Reads } from '../../http/reads';
import { EventDto, EventListQuery, EventQuery } from './event.dto';
import { amendmentsOf, listEvents, tasksOf } from './event.queries';
import { eventView } from './event.view';

const EventPage = pageDto(EventDto);
const POSITION = /^[1-9]\d{0,14}$/;

@ApiTags('books')
@Controller('v1/events')
export class EventController {
  constructor(
    private readonly reads: Reads,
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
    const { type } = query;
    const list = async (log: Kysely<LogDatabase>, upTo: number) => {
      const page = await listEvents(log, this.registry, { after, upTo, type }, limit);
      return { page, show: await shown(log, page.rows) };
    };
    const { page, show } = await this.reads.readLog(reply, list, filteredBy(type));
    return pageWith(listOf(reply), page, (event) => [event.position], show);
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
      const only = { after: position - 1, upTo: position };
      const { rows } = await listEvents(log, this.registry, only, 1);
      const show = await shown(log, rows);
      return rows.map(show)[0];
    });
    return found(event, 'event', text);
  }

  /** The program starts only where it knows every type in the log. @throws Refusal */
  private checkType(type: string | undefined): void {
    if (type === undefined || this.registry.typeOf(type)) return;
    throw invalidRequest({ pointer: '/type', message: 'is no event type' });
  }
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
