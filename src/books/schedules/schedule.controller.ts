import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import { readAccount } from '../accounts/account.queries';
import type { StateDatabase } from '../../engine/define/state-table';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageWith, type Page, orderOf } from '../../http/page';
import { metadataOf } from '../../http/metadata-filter';
import { Permission } from '../../http/permission';
import { filteredBy, found, Reads, ReferencePipe } from '../../http/reads';
import { showVersion, type FindVersioned } from '../../http/versions';
import { CancelScheduledTransaction, ScheduleTransaction } from './schedule.creators';
import { CancelScheduledTransactionDto, ScheduledTransactionDto } from './schedule.dto';
import { ScheduledTransactionListQuery, ScheduledTransactionQuery } from './schedule.dto';
import { ScheduleTransactionDto } from './schedule.dto';
import { findSchedule, listSchedules, readRuns, readSchedule } from './schedule.queries';
import type { ScheduleFilter } from './schedule.queries';
import { scheduleView } from './schedule.view';

/** What an `If-Match` is compared with. */
const scheduleNamed: FindVersioned<{ scheduleId: string }> = (state, { scheduleId }) =>
  findSchedule(state, scheduleId);

const SchedulePage = pageDto(ScheduledTransactionDto);

@ApiTags('scheduled transactions')
@Controller('v1/scheduled-transactions')
export class ScheduleController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('scheduled-transactions.schedule')
  @ApiOperation({
    summary: 'Have a transaction be posted on a day to come, once or again and again',
    description:
      "It is posted at the start of the day in the book's time zone; limits apply then. Monthly " +
      "on the 31st means the month's last day.",
  })
  @ApiCommand({
    status: 201,
    type: ScheduledTransactionDto,
    problems: ['client_id_taken', 'account_not_found', 'zero_amount', 'unbalanced_transaction'],
  })
  schedule(
    @AsCommand() request: CommandRequest,
    @Body() body: ScheduleTransactionDto,
  ): Promise<ScheduledTransactionDto> {
    return this.commands.submit(request, ScheduleTransaction, body);
  }

  @Post(':id/cancel')
  @Permission('scheduled-transactions.cancel')
  @ApiOperation({ summary: 'Have a scheduled transaction be posted no more' })
  @ApiCommand({
    status: 200,
    type: ScheduledTransactionDto,
    hasVersion: true,
    problems: ['not_found', 'scheduled_transaction_not_open'],
  })
  cancel(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) scheduleId: string,
    @Body() _: CancelScheduledTransactionDto,
  ): Promise<ScheduledTransactionDto> {
    return this.commands.submit(request, CancelScheduledTransaction, { scheduleId }, scheduleNamed);
  }

  @Get()
  @Permission('scheduled-transactions.read')
  @ApiOperation({ summary: 'List scheduled transactions in the order in which they were made' })
  @ApiRead({ type: SchedulePage })
  async list(
    @Query() query: ScheduledTransactionListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<ScheduledTransactionDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const { accountId, status, clientId } = query;
    const list = async (db: Kysely<StateDatabase>) => {
      let filter: ScheduleFilter = { status, clientId, metadata: metadataOf(query) };
      if (accountId !== undefined) {
        const account = await readAccount(db, accountId);
        // A filter that nothing fits, like any other.
        if (!account) return { rows: [], hasMore: false };
        filter = { ...filter, accountNo: account.account_no };
      }
      const { rows, hasMore } = await listSchedules(db, filter, after, limit, orderOf(query));
      const runs = await readRuns(db, rows);
      return { rows: rows.map((row) => [row, runs.get(row.schedule_no) ?? []] as const), hasMore };
    };
    const { value } = await this.reads.read(reply, list, filteredBy(metadataOf(query)));
    return pageWith(
      listOf(reply),
      value,
      ([row]) => [row.schedule_no],
      ([row, runs]) => scheduleView(row, runs),
    );
  }

  @Get(':id')
  @Permission('scheduled-transactions.read')
  @ApiOperation({ summary: 'Read a scheduled transaction with its last runs' })
  @ApiRead({ type: ScheduledTransactionDto, hasVersion: true, problems: ['not_found'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() _: ScheduledTransactionQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<ScheduledTransactionDto> {
    const { value } = await this.reads.read(reply, async (db) => {
      const row = await readSchedule(db, id);
      if (!row) return undefined;
      return scheduleView(row, (await readRuns(db, [row])).get(row.schedule_no) ?? []);
    });
    const view = found(value, 'scheduled transaction', id);
    showVersion(reply, view);
    return view;
  }
}
