import type { OutgoingHttpHeaders } from 'node:http';
import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { StateReader } from '../../engine/session/state-reader';
import { ApiKeys, bearerKey } from '../../http/api-keys';
import { ApiStream } from '../../http/api-docs';
import { may, type Reply } from '../../http/caller';
import { numberOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { found, Reads } from '../../http/reads';
import { readInstant } from '../../money/instant';
import { EventDto, EventStreamQuery, type EventFilters } from './event.dto';
import { EventFeed, type StillMay } from './event-feed';
import { EventListener, type Wanted } from './event-listener';
import { EventPages } from './event-pages';
import { EventSubjects } from './event-subject.queries';

const PERMISSION = 'events.read';
const LAST_EVENT_ID = 'last-event-id';
const POSITION = /^(0|[1-9]\d{0,14})$/;

@ApiTags('books')
@Controller('v1/events/stream')
export class EventStreamController {
  constructor(
    private readonly reads: Reads,
    private readonly state: StateReader,
    private readonly pages: EventPages,
    private readonly subjects: EventSubjects,
    private readonly feed: EventFeed,
    private readonly keys: ApiKeys,
  ) {}

  @Get()
  @Permission(PERMISSION)
  @ApiOperation({
    summary: 'Listen to events, in order, as far as the state has come',
    description:
      'Server-Sent Events: the id is the position, data is the event as JSON. It begins behind ' +
      'after, or behind Last-Event-ID, which wins: whoever was cut off goes on where that was.',
  })
  @ApiStream({ type: EventDto, description: 'Each event as JSON (EventDto) in a data line' })
  async stream(@Query() query: EventStreamQuery, @Res() reply: Reply): Promise<void> {
    const position = positionOf(query, reply);
    const leave = this.feed.admit();
    try {
      const wanted = await this.wantedBy(query, reply);
      this.listen(reply, wanted, position, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Takes the connection over, which from then on is the feed's to write to and to end. */
  private listen(reply: Reply, wanted: Wanted, position: number, leave: () => void): void {
    const { raw, request } = reply;
    reply.hijack();
    reply.header('content-type', 'text/event-stream; charset=utf-8');
    // A proxy that collects answers would keep events back.
    reply.header('x-accel-buffering', 'no');
    raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
    if (request.method === 'HEAD' || raw.destroyed) {
      raw.end();
      return leave();
    }
    // Between two events there may be nothing for long.
    raw.socket?.setTimeout(0);
    raw.socket?.setNoDelay(true);
    const listener = new EventListener(this.feed, wanted, position, raw);
    raw.once('close', () => {
      this.feed.leave(listener);
      leave();
    });
    this.feed.join(listener, this.stillMay(reply));
  }

  /** A key may be withdrawn while somebody listens. */
  private stillMay({ request }: Reply): StillMay {
    const key = bearerKey(request)!;
    return async () => {
      try {
        const caller = await this.keys.find(key);
        return caller !== undefined && may(caller, PERMISSION);
      } catch {
        return undefined;
      }
    };
  }

  /** @throws Refusal `validation_failed`, `not_found` */
  private async wantedBy(query: EventFilters, reply: Reply): Promise<Wanted> {
    const said = Object.entries(query).filter(([name]) => name !== 'after');
    const filters: EventFilters = Object.fromEntries(said);
    const { type, actor, correlationId, recordedFrom, recordedTo, ...subjects } = filters;
    const types = this.pages.typesOf(type);
    return {
      filters,
      key: JSON.stringify(filters, Object.keys(filters).sort()),
      filter: {
        types: types && new Set(types),
        actor,
        correlationId,
        recordedFrom: recordedFrom && readInstant(recordedFrom),
        recordedTo: recordedTo && readInstant(recordedTo),
        touching: await this.idsOf(subjects, reply),
      },
    };
  }

  /** What comes later is told by its id, which has to be known. */
  private async idsOf(
    { accountId, transactionId }: Pick<EventFilters, 'accountId' | 'transactionId'>,
    reply: Reply,
  ): Promise<readonly string[]> {
    await this.reads.position(reply);
    if (accountId === undefined && transactionId === undefined) return [];
    const names = [accountId, transactionId].filter((name) => name !== undefined).join(' and ');
    const subjects = { accountId, transactionId };
    // Not for this answer, which would keep its turn until it ends.
    const { value } = await this.state.readOne((db) => this.subjects.idsOf(db, subjects));
    return found(value, 'account or transaction', names);
  }
}

/** Behind which position it begins. @throws Refusal `validation_failed` */
function positionOf({ after }: EventFilters, { request }: Reply): number {
  const last = request.headers[LAST_EVENT_ID];
  if (last === undefined) return numberOf(after) ?? 0;
  if (typeof last === 'string' && POSITION.test(last)) return Number(last);
  throw invalidRequest({ pointer: '/Last-Event-ID', message: 'must be the id of an event' });
}
