import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { LedgerEvent } from '../../engine/define/event';
import { LedgerUnavailable } from '../../engine/define/refusal';
import { Registry } from '../../engine/define/registry';
import type { StateDatabase } from '../../engine/define/state-table';
import type { LogDatabase } from '../../engine/write/event-log';
import { ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { checkOwner, cursorKey, limitOf, listOf, orderOf, pageWith } from '../../http/page';
import type { Page } from '../../http/page';
import { Permission } from '../../http/permission';
import { found, Reads, ReferencePipe } from '../../http/reads';
import { listEvents } from '../../outside/events/event.queries';
import type { EventRange } from '../../outside/events/event-subject.queries';
import { readSubscription } from '../../outside/webhooks/webhook.queries';
import { readAccount } from '../accounts/account.queries';
import { readCompany } from '../companies/company.queries';
import { readHold } from '../holds/hold.queries';
import { readOrder } from '../orders/order.queries';
import { readTransaction } from '../transactions/transaction.queries';
import { HistoryEventDto, HistoryListQuery } from './history.dto';
import { historyEventView } from './history.view';
import { accountsAt, transactionsAt } from './past-views.queries';
import { positionsOf, type Subject, type SubjectKind } from './subject.queries';
import { tellViews, type ToldKind } from './told-views';

const HistoryPage = pageDto(HistoryEventDto);
const summary = 'Every event that touched it, in order, with the fields that it changed';
/** Of what is told from its events, so many are read at a time. */
const TOLD_AT_ONCE = 10_000;

type Db = Kysely<StateDatabase>;

/** What a history is of. */
interface Thing {
  readonly kind: SubjectKind;
  /** As it is called in an answer. */
  readonly name: string;
  readonly id: string;
  /** Position of the event that made it; undefined: there is none. */
  readonly number: (db: Db, id: string) => Promise<number | undefined>;
  /** How it was after some positions; undefined: its events tell. */
  readonly viewsAt?: (
    db: Db,
    number: number,
    positions: readonly number[],
  ) => Promise<Map<number, object>>;
}

@ApiTags('books')
@Controller('v1')
export class HistoryController {
  constructor(
    private readonly reads: Reads,
    private readonly registry: Registry,
  ) {}

  @Get('accounts/:id/history')
  @Permission('accounts.read')
  @ApiOperation({ summary })
  @ApiRead({ type: HistoryPage, problems: ['not_found'] })
  ofAccount(
    @Param('id', ReferencePipe) id: string,
    @Query() query: HistoryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<HistoryEventDto>> {
    const number = async (db: Db) => (await readAccount(db, id))?.account_no;
    const thing = { kind: 'account', name: 'account', id, number, viewsAt: accountsAt } as const;
    return this.history(reply, query, thing);
  }

  @Get('transactions/:id/history')
  @Permission('transactions.read')
  @ApiOperation({ summary })
  @ApiRead({ type: HistoryPage, problems: ['not_found'] })
  ofTransaction(
    @Param('id', ReferencePipe) id: string,
    @Query() query: HistoryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<HistoryEventDto>> {
    const name = 'transaction';
    const number = async (db: Db) => (await readTransaction(db, id))?.position;
    const viewsAt: Thing['viewsAt'] = (db, _, positions) => transactionsAt(db, id, positions);
    return this.history(reply, query, { kind: name, name, id, number, viewsAt });
  }

  @Get('companies/:id/history')
  @Permission('companies.read')
  @ApiOperation({ summary })
  @ApiRead({ type: HistoryPage, problems: ['not_found'] })
  ofCompany(
    @Param('id', ReferencePipe) id: string,
    @Query() query: HistoryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<HistoryEventDto>> {
    const number = async (db: Db) => (await readCompany(db, id))?.company_no;
    return this.history(reply, query, { kind: 'company', name: 'company', id, number });
  }

  @Get('orders/:id/history')
  @Permission('orders.read')
  @ApiOperation({ summary })
  @ApiRead({ type: HistoryPage, problems: ['not_found'] })
  ofOrder(
    @Param('id', ReferencePipe) id: string,
    @Query() query: HistoryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<HistoryEventDto>> {
    const number = async (db: Db) => (await readOrder(db, id))?.order_no;
    return this.history(reply, query, { kind: 'order', name: 'order', id, number });
  }

  @Get('holds/:id/history')
  @Permission('holds.read')
  @ApiOperation({ summary })
  @ApiRead({ type: HistoryPage, problems: ['not_found'] })
  ofHold(
    @Param('id', ReferencePipe) id: string,
    @Query() query: HistoryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<HistoryEventDto>> {
    const number = async (db: Db) => (await readHold(db, id))?.hold_no;
    return this.history(reply, query, { kind: 'hold', name: 'hold', id, number });
  }

  @Get('webhook-subscriptions/:id/history')
  @Permission('webhooks.read')
  @ApiOperation({ summary })
  @ApiRead({ type: HistoryPage, problems: ['not_found'] })
  ofSubscription(
    @Param('id', ReferencePipe) id: string,
    @Query() query: HistoryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<HistoryEventDto>> {
    const number = async (db: Db) => (await readSubscription(db, id))?.subscription_no;
    const name = 'webhook subscription';
    return this.history(reply, query, { kind: 'subscription', name, id, number });
  }

  private async history(
    reply: Reply,
    query: HistoryListQuery,
    thing: Thing,
  ): Promise<Page<HistoryEventDto>> {
    const limit = limitOf(query);
    const key = cursorKey(query, 2) as [number, number];
    const [, place] = key;
    const order = orderOf(query);
    const subject = { kind: thing.kind, reference: thing.id };
    const { value } = await this.reads.read(reply, async (db) => {
      const number = await thing.number(db, thing.id);
      if (number === undefined) return undefined;
      checkOwner(query, key, number);
      const range: EventRange =
        order === 'asc'
          ? { least: place + 1, most: Number.MAX_SAFE_INTEGER, order }
          : { least: 0, most: place - 1, order };
      const positions = await positionsOf(db, [subject], range, limit + 1);
      const inOrder = positions.toSorted((a, b) => a - b);
      const told = thing.viewsAt
        ? await thing.viewsAt(db, number, withBefore(inOrder))
        : await toldUntil(db, subject, inOrder.at(-1) ?? 0);
      return { number, positions, told };
    });
    const { number, positions, told } = found(value, thing.name, thing.id);
    const { page, views } = await this.reads.log(reply, async (log) => {
      const range = { ...upTo(Number.MAX_SAFE_INTEGER), order };
      const asked = await listEvents(log, this.registry, range, { positions }, { limit });
      if (told instanceof Map) return { page: asked, views: told };
      const pages = this.pagesOf(log, told);
      const views = await tellViews(thing.kind as ToldKind, pages, new Set(positions));
      return { page: asked, views };
    });
    const show = (event: LedgerEvent) =>
      historyEventView(event, viewAt(views, event.position - 1), viewAt(views, event.position));
    return pageWith(listOf(reply), page, (event) => [number, event.position], show);
  }

  /** The events at some positions, as many at a time as an answer may bring of bytes. */
  private async *pagesOf(
    log: Kysely<LogDatabase>,
    positions: readonly number[],
  ): AsyncGenerator<readonly LedgerEvent[]> {
    for (let told = 0; told < positions.length;) {
      const filter = { positions: positions.slice(told, told + TOLD_AT_ONCE) };
      const range = upTo(Number.MAX_SAFE_INTEGER);
      const size = { limit: TOLD_AT_ONCE };
      const { rows } = await listEvents(log, this.registry, range, filter, size);
      // A log that was restored to an older time lacks what the state contains.
      if (rows.length === 0) throw new LedgerUnavailable('The state is ahead of the log');
      yield rows;
      told += rows.length;
    }
  }
}

/** The positions of all that happened to something until one of them. */
async function toldUntil(db: Db, subject: Subject, most: number): Promise<readonly number[]> {
  const all: number[] = [];
  for (;;) {
    const range = { least: (all.at(-1) ?? 0) + 1, most, order: 'asc' } as const;
    const some = await positionsOf(db, [subject], range, TOLD_AT_ONCE);
    for (const position of some) all.push(position);
    if (some.length < TOLD_AT_ONCE) return all;
  }
}

function upTo(most: number): EventRange {
  return { least: 0, most, order: 'asc' };
}

/** Some positions in order with one before them all. */
function withBefore([first, ...rest]: readonly number[]): number[] {
  return first === undefined ? [] : [first - 1, first, ...rest];
}

/** The view after the last of some events until a position: between them nothing changed. */
function viewAt(views: ReadonlyMap<number, object>, position: number): object | undefined {
  const last = [...views.keys()].findLast((at) => at <= position);
  return last === undefined ? undefined : views.get(last);
}
