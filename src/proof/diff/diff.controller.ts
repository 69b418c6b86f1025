import type { StateDatabase } from '../../engine/define/state-table';
import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import { readAccount } from '../../books/accounts/account.queries';
import { ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import {
  checkOwner,
  cursorKey,
  encodeCursor,
  limitOf,
  listOf,
  checkForwards,
} from '../../http/page';
import { numberOf, pageOf, type Page } from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { found, Reads, ReferencePipe } from '../../http/reads';
import { AccountChangeDto, DiffDto, DiffQuery } from './diff.dto';
import { EVENTS_SHOWN, readAccountChanges, readChangedAccounts } from './diff.queries';
import type { AccountChange, EventRange } from './diff.queries';
import { accountChangeView, accountDiff } from './diff.view';
import { eventNamesAt } from '../../outside/events/event.queries';

const AccountChangePage = pageDto(AccountChangeDto);
const LIST = 'v1/diff';
const EVENTS = ':id/events';

@ApiTags('books')
@Controller(LIST)
export class DiffController {
  constructor(private readonly reads: Reads) {}

  @Get()
  @Permission('reports.read')
  @ApiOperation({
    summary: 'The accounts that changed between two positions, with the events that did it',
    description:
      'Compares the books after the event at from (0: before the first) with those after the ' +
      "event at to (default: the state's position, which the cursor then keeps). Each account " +
      `comes with the first ${EVENTS_SHOWN} of its events.`,
  })
  @ApiRead({ type: DiffDto })
  async read(
    @Query() query: DiffQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<DiffDto> {
    checkForwards(query);
    const limit = limitOf(query);
    const [after, pinned] = cursorKey(query, 2) as [number, number];
    const compare = async (db: Kysely<StateDatabase>, position: Promise<number>) => {
      const range = rangeOf(query, await position, pinned);
      const changed = await readChangedAccounts(db, range, after, limit);
      const now = changed.accounts.map((account) => account.after);
      const changes = await readAccountChanges(db, now, range, EVENTS_SHOWN + 1);
      return { range, changed, changes };
    };
    const { value } = await this.reads.read(reply, compare, 'expensive');
    const { range, changed, changes } = value;
    const positions = [...changes.values()].flat().map((change) => change.position);
    const names = await this.reads.log(reply, (log) => eventNamesAt(log, positions));
    const list = listOf(reply);
    const events = { ...list, route: `/${LIST}/${EVENTS}` };
    const data = changed.accounts.map((account) => {
      const { account_no, digits } = account.after;
      const show = (change: AccountChange) => accountChangeView(change, digits, names);
      const page = pageOf(events, changes.get(account_no)!, EVENTS_SHOWN, keyIn(range), show);
      return accountDiff(account, { events: page.data, nextEventsCursor: page.nextCursor });
    });
    const { next } = changed;
    const nextCursor = next === undefined ? null : encodeCursor(list, [next, range.to]);
    return { ...range, data, nextCursor };
  }

  @Get(EVENTS)
  @Permission('reports.read')
  @ApiOperation({ summary: 'The events that changed an account between two positions' })
  @ApiRead({ type: AccountChangePage, problems: ['not_found'] })
  async events(
    @Param('id', ReferencePipe) id: string,
    @Query() query: DiffQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<AccountChangeDto>> {
    checkForwards(query);
    const limit = limitOf(query);
    const key = cursorKey(query, 3) as [number, number, number];
    const [, after, pinned] = key;
    const list = async (db: Kysely<StateDatabase>, position: Promise<number>) => {
      const range = rangeOf(query, await position, pinned);
      const rest = { from: Math.max(range.from, after), to: range.to };
      return changesOf(db, id, range, rest, limit + 1);
    };
    const { value } = await this.reads.read(reply, list, 'expensive');
    const { range, account, changes } = found(value, 'account', id);
    checkOwner(query, key, account.account_no);
    const positions = changes.map((change) => change.position);
    const names = await this.reads.log(reply, (log) => eventNamesAt(log, positions));
    return pageOf(listOf(reply), changes, limit, keyIn(range), (change) =>
      accountChangeView(change, account.digits, names),
    );
  }
}

/** An account that is open at the end of a range, with what events of its rest did to it. */
async function changesOf(
  db: Kysely<StateDatabase>,
  id: string,
  range: EventRange,
  rest: EventRange,
  limit: number,
) {
  const account = await readAccount(db, id, range.to);
  if (!account) return undefined;
  const changes = await readAccountChanges(db, [account], rest, limit);
  return { range, account, changes: changes.get(account.account_no)! };
}

/** Cursors keep where the range ends, so that a list without `to` stays right while it is read. */
function keyIn({ to }: EventRange): (change: AccountChange) => readonly number[] {
  return (change) => [change.account_no, change.position, to];
}

/** @throws Refusal `validation_failed` where it is no range of the state's events */
function rangeOf(query: DiffQuery, position: number, pinned: number): EventRange {
  const hasCursor = query.cursor !== undefined;
  const from = Number(query.from);
  const to = numberOf(query.to) ?? (hasCursor ? pinned : position);
  const above = `must not be above the ledger's position, ${position}`;
  if (to > position) throw invalidRequest({ pointer: '/to', message: above });
  if (from > position) throw invalidRequest({ pointer: '/from', message: above });
  if (from > to) throw invalidRequest({ pointer: '/from', message: 'must not be above to' });
  return { from, to };
}
