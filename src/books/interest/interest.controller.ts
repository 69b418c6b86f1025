import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageWith, type Page, orderOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { found, IdPipe, Reads } from '../../http/reads';
import { readAccount } from '../accounts/account.queries';
import { listAccruals, readAccrual } from './accrual.queries';
import { CalculateInterestOwed } from './interest.creators';
import { AccrualListQuery, AccrualQuery, AccrueInterestDto } from './interest.dto';
import { InterestAccrualDto, ReverseAccrualDto, ReversedAccrualDto } from './interest.dto';
import { accrualView } from './interest.view';
import { ReverseInterestAccrual } from './reverse.creator';

const AccrualPage = pageDto(InterestAccrualDto);

@ApiTags('interest')
@Controller('v1/interest-accruals')
export class InterestController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('interest.accrue')
  @ApiOperation({
    summary: 'Credit accounts with the interest owed through a day, or charge it to loans',
    description:
      'Liability accounts are credited from expenseAccountId, asset accounts debited to ' +
      'incomeAccountId. Money that leaves an account pays out posted interest first.',
  })
  @ApiCommand({
    status: 201,
    type: InterestAccrualDto,
    problems: [
      'already_accrued',
      'account_not_found',
      'account_not_eligible',
      'account_closed',
      'future_effective_date',
      'period_closed',
      'account_frozen',
      'insufficient_funds',
      'balance_limit_exceeded',
    ],
  })
  accrue(
    @AsCommand() request: CommandRequest,
    @Body() body: AccrueInterestDto,
  ): Promise<InterestAccrualDto> {
    return this.commands.submit(request, CalculateInterestOwed, body);
  }

  @Post(':id/reverse')
  @Permission('interest.reverse')
  @ApiOperation({
    summary: 'Take an accrual back: its money, and its days, which can be accrued again',
  })
  @ApiCommand({
    status: 200,
    type: ReversedAccrualDto,
    problems: [
      'not_found',
      'already_reversed',
      'period_closed',
      'accrual_not_latest',
      'account_closed',
      'insufficient_funds',
      'balance_limit_exceeded',
    ],
  })
  reverse(
    @AsCommand() request: CommandRequest,
    @Param('id', IdPipe) accrualId: string,
    @Body() body: ReverseAccrualDto,
  ): Promise<ReversedAccrualDto> {
    return this.commands.submit(request, ReverseInterestAccrual, { ...body, accrualId });
  }

  @Get()
  @Permission('interest.read')
  @ApiOperation({
    summary: 'List accruals in the order of the log',
    description: 'accountId: those that accrued, adjusted or left out the account.',
  })
  @ApiRead({ type: AccrualPage })
  async list(
    @Query() query: AccrualListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<InterestAccrualDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const { accountId } = query;
    const order = orderOf(query);
    const list = async (db: Kysely<StateDatabase>) => {
      if (accountId === undefined) return listAccruals(db, undefined, after, limit, order);
      const account = await readAccount(db, accountId);
      // A filter that nothing fits, like any other.
      if (!account) return { rows: [], hasMore: false };
      return listAccruals(db, account.account_id, after, limit, order);
    };
    const { value } = await this.reads.read(reply, list);
    return pageWith(listOf(reply), value, ({ accrual }) => [accrual.accrual_no], accrualView);
  }

  @Get(':id')
  @Permission('interest.read')
  @ApiOperation({ summary: 'Read an accrual' })
  @ApiRead({ type: InterestAccrualDto, problems: ['not_found'] })
  async read(
    @Param('id', IdPipe) id: string,
    @Query() _: AccrualQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<InterestAccrualDto> {
    const { value } = await this.reads.read(reply, (db) => readAccrual(db, id));
    return accrualView(found(value, 'accrual', id));
  }
}
