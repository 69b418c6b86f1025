import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageWith, type Page, orderOf } from '../../http/page';
import { metadataOf } from '../../http/metadata-filter';
import { Permission } from '../../http/permission';
import { filteredBy, found, Reads, ReferencePipe } from '../../http/reads';
import { showVersion, type FindVersioned } from '../../http/versions';
import { readAccount } from '../accounts/account.queries';
import { TransactionDto } from '../transactions/transaction.dto';
import { CaptureHold } from './capture.creator';
import { PlaceHold, VoidHold } from './hold.creators';
import { CaptureHoldDto, HoldDto, HoldListQuery, HoldQuery } from './hold.dto';
import { PlaceHoldDto, VoidHoldDto } from './hold.dto';
import { findHold, listHolds, readHold, type HoldFilter } from './hold.queries';
import { holdView } from './hold.view';

/** What an `If-Match` is compared with. */
const holdOf: FindVersioned<{ holdId: string }> = (state, { holdId }) => findHold(state, holdId);

const HoldPage = pageDto(HoldDto);
const HOLD_PROBLEMS: readonly string[] = [
  'client_id_taken',
  'unbalanced_transaction',
  'account_not_found',
  'account_version_mismatch',
  'account_closed',
  'account_frozen',
  'insufficient_funds',
  'balance_limit_exceeded',
  'zero_amount',
];

@ApiTags('holds')
@Controller('v1/holds')
export class HoldController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('holds.place')
  @ApiOperation({
    summary: 'Reserve money that is not yet moved',
    description: 'It is checked like a transaction, against what is available.',
  })
  @ApiCommand({
    status: 201,
    type: HoldDto,
    problems: [...HOLD_PROBLEMS, 'velocity_limit_exceeded'],
  })
  place(@AsCommand() request: CommandRequest, @Body() body: PlaceHoldDto): Promise<HoldDto> {
    return this.commands.submit(request, PlaceHold, body);
  }

  @Post(':id/capture')
  @Permission('holds.capture')
  @ApiOperation({
    summary: 'Post what a hold reserves, or some of it',
    description: 'What is left afterwards is freed, unless final is false.',
  })
  @ApiCommand({
    status: 201,
    type: TransactionDto,
    hasVersion: true,
    problems: [
      'not_found',
      'hold_not_open',
      'hold_exceeded',
      'too_many_captures',
      'future_effective_date',
      'period_closed',
      ...HOLD_PROBLEMS,
    ],
  })
  capture(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) holdId: string,
    @Body() body: CaptureHoldDto,
  ): Promise<TransactionDto> {
    return this.commands.submit(request, CaptureHold, { ...body, holdId }, holdOf);
  }

  @Post(':id/void')
  @Permission('holds.void')
  @ApiOperation({ summary: 'Free all that is left of a hold' })
  @ApiCommand({
    status: 200,
    type: HoldDto,
    hasVersion: true,
    problems: ['not_found', 'hold_not_open'],
  })
  void(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) holdId: string,
    @Body() body: VoidHoldDto,
  ): Promise<HoldDto> {
    return this.commands.submit(request, VoidHold, { ...body, holdId }, holdOf);
  }

  @Get()
  @Permission('holds.read')
  @ApiOperation({ summary: 'List holds in the order in which they were placed' })
  @ApiRead({ type: HoldPage })
  async list(
    @Query() query: HoldListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<HoldDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const { accountId, status } = query;
    const filter: HoldFilter = { status, metadata: metadataOf(query) };
    const list = async (db: Kysely<StateDatabase>) => {
      if (accountId === undefined) return listHolds(db, filter, after, limit, orderOf(query));
      const account = await readAccount(db, accountId);
      // A filter that nothing fits, like any other.
      if (!account) return { rows: [], hasMore: false };
      const { account_no: accountNo } = account;
      return listHolds(db, { ...filter, accountNo }, after, limit, orderOf(query));
    };
    const { value } = await this.reads.read(reply, list, filteredBy(filter.metadata));
    return pageWith(listOf(reply), value, (row) => [row.hold_no], holdView);
  }

  @Get(':id')
  @Permission('holds.read')
  @ApiOperation({ summary: 'Read a hold' })
  @ApiRead({ type: HoldDto, hasVersion: true, problems: ['not_found'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() _: HoldQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<HoldDto> {
    const { value } = await this.reads.one(reply, (db) => readHold(db, id));
    const view = holdView(found(value, 'hold', id));
    showVersion(reply, view);
    return view;
  }
}
