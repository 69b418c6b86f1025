import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { formatAmount } from '../../money/amount';
import { addDays, mondayOf, monthAfter } from '../../money/calendar-date';
import { ApiRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { numberOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { found, Reads, ReferencePipe } from '../../http/reads';
import { readAccount } from '../accounts/account.queries';
import { balanceOf } from '../accounts/account.view';
import { readTotalsOn } from '../accounts/dated-totals.queries';
import {
  BalanceSeriesDto,
  BalanceSeriesQuery,
  GroupBalancesDto,
  GroupBalancesQuery,
  type Interval,
} from './balance.dto';
import { groupTree } from './group-balances';
import { checkDays } from './report.rules';
import { readGroupSums } from './reported-accounts.queries';

/** Points that a series has at most: the days of a year. */
const MAX_POINTS = 366;

@ApiTags('books')
@Controller('v1')
export class BalanceController {
  constructor(private readonly reads: Reads) {}

  @Get('accounts/:id/balances')
  @Permission('accounts.read')
  @ApiOperation({
    summary: 'The balance of an account at the end of each day, week or month',
    description: `By effective date; weeks end on Sundays. ${MAX_POINTS} points at most.`,
  })
  @ApiRead({ type: BalanceSeriesDto, problems: ['not_found'] })
  async series(
    @Param('id', ReferencePipe) id: string,
    @Query() query: BalanceSeriesQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<BalanceSeriesDto> {
    checkDays(query);
    const dates = daysOf(query);
    const at = await this.reads.asOf(reply, query);
    const { position, value } = await this.reads.readAt(
      reply,
      at,
      async (db) => {
        const account = await readAccount(db, id, at);
        if (!account) return undefined;
        const { account_no: accountNo } = account;
        return { account, totals: await readTotalsOn(db, { accountNo, dates, position: at }) };
      },
      'expensive',
    );
    const { account, totals } = found(value, 'account', id);
    const points = totals.map(({ date, debits, credits }) => ({
      date,
      balance: formatAmount(balanceOf(account.type, debits, credits), account.digits),
    }));
    return { position, currency: account.currency, points };
  }

  @Get('balances')
  @Permission('reports.read')
  @ApiOperation({
    summary: 'The tree of groups with the sums of all below each',
    description:
      'asOf is the last effective date that counts, atPosition (or at, a time) the last event. ' +
      'An account is in the group that it was in after that event. depth: so many levels, of all ' +
      'or below group.',
  })
  @ApiRead({ type: GroupBalancesDto })
  async groups(
    @Query() query: GroupBalancesQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<GroupBalancesDto> {
    const { asOf, group } = query;
    const at = await this.reads.asOf(reply, query);
    const { position, value } = await this.reads.readAt(
      reply,
      at,
      (db) => readGroupSums(db, { asOf, group, position: at }),
      'expensive',
    );
    const groups = groupTree(value, { group, depth: numberOf(query.depth) });
    return { position, asOf: asOf ?? null, groups };
  }
}

/** Intervals do not end behind the last month that dates can be of. */
const LAST_MONTH = '9999-12-01';

/** The last day of the interval that a day is in. */
function endOf(day: string, interval: Interval): string {
  if (day >= LAST_MONTH) return day;
  if (interval === 'week') return addDays(mondayOf(day), 6);
  return interval === 'month' ? addDays(monthAfter(day), -1) : day;
}

/** @throws Refusal `validation_failed` for too many of them */
function daysOf({ from, to, interval = 'day' }: BalanceSeriesQuery): string[] {
  const days: string[] = [];
  for (let day = endOf(from, interval); day < to; day = endOf(addDays(day, 1), interval)) {
    days.push(day);
    if (days.length < MAX_POINTS) continue;
    const message = `must be less than ${MAX_POINTS} intervals after from`;
    throw invalidRequest({ pointer: '/to', message });
  }
  return [...days, to];
}
