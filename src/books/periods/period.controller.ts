import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { checkOwner, cursorKey, limitOf, listOf, pageOf, pageWith, orderOf } from '../../http/page';
import type { Page } from '../../http/page';
import { Permission } from '../../http/permission';
import { found, IdPipe, Reads } from '../../http/reads';
import { ClosePeriod, ReopenPeriod } from './period.creators';
import { ClosePeriodDto, LateEntryDto, LateEntryListQuery, PeriodCloseDto } from './period.dto';
import { PeriodCloseListQuery, PeriodCloseQuery, ReopenPeriodDto } from './period.dto';
import { listLateEntries, listPeriodCloses, readPeriodClose } from './period.queries';
import { periodCloseView } from './period.view';

const PeriodClosePage = pageDto(PeriodCloseDto);
const LateEntryPage = pageDto(LateEntryDto);
/** Of the balances that a close or a reopening leaves. */
const LIMIT_PROBLEMS: readonly string[] = ['insufficient_funds', 'balance_limit_exceeded'];

@ApiTags('periods')
@Controller('v1/period-closes')
export class PeriodController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('periods.close')
  @ApiOperation({
    summary: 'Close everything until a day, and seal its trial balance',
    description:
      'Nothing takes effect on those days any more. closeTo has an equity account for each ' +
      'currency in which income and expense have a result, which is carried there, whatever ' +
      'accounts are frozen or closed. Limits of balances hold for the whole close, without holds.',
  })
  @ApiCommand({
    status: 201,
    type: PeriodCloseDto,
    problems: [
      'period_already_closed',
      'future_effective_date',
      'account_not_found',
      'account_closed',
      'account_not_eligible',
      'currency_mismatch',
      ...LIMIT_PROBLEMS,
    ],
  })
  close(
    @AsCommand() request: CommandRequest,
    @Body() body: ClosePeriodDto,
  ): Promise<PeriodCloseDto> {
    return this.commands.submit(request, ClosePeriod, body);
  }

  @Post(':id/reopen')
  @Permission('periods.reopen')
  @ApiOperation({ summary: 'Open the last closed period again, and take its closing back' })
  @ApiCommand({
    status: 200,
    type: PeriodCloseDto,
    problems: ['not_found', 'period_not_closed', 'period_not_last', ...LIMIT_PROBLEMS],
  })
  reopen(
    @AsCommand() request: CommandRequest,
    @Param('id', IdPipe) closeId: string,
    @Body() body: ReopenPeriodDto,
  ): Promise<PeriodCloseDto> {
    return this.commands.submit(request, ReopenPeriod, { ...body, closeId });
  }

  @Get()
  @Permission('periods.read')
  @ApiOperation({ summary: 'List closes in the order of the log, also of reopened periods' })
  @ApiRead({ type: PeriodClosePage })
  async list(
    @Query() query: PeriodCloseListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<PeriodCloseDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const { value } = await this.reads.one(reply, (db) =>
      listPeriodCloses(db, after, limit + 1, orderOf(query)),
    );
    return pageOf(listOf(reply), value, limit, (row) => [row.close_no], periodCloseView);
  }

  @Get(':id')
  @Permission('periods.read')
  @ApiOperation({ summary: 'Read the close of a period' })
  @ApiRead({ type: PeriodCloseDto, problems: ['not_found'] })
  async read(
    @Param('id', IdPipe) id: string,
    @Query() _: PeriodCloseQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<PeriodCloseDto> {
    const { value } = await this.reads.one(reply, (db) => readPeriodClose(db, id));
    return periodCloseView(found(value, 'period close', id));
  }

  @Get(':id/late-entries')
  @Permission('periods.read')
  @ApiOperation({
    summary: 'List what was posted into a period after it was opened again',
    description:
      'Transactions with a date in it, which begins after the period before; closing ' +
      'transactions are left out.',
  })
  @ApiRead({ type: LateEntryPage, problems: ['not_found'] })
  async lateEntries(
    @Param('id', IdPipe) id: string,
    @Query() query: LateEntryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<LateEntryDto>> {
    const limit = limitOf(query);
    const key = cursorKey(query, 2) as [number, number];
    const list = async (db: Kysely<StateDatabase>) => {
      const close = await readPeriodClose(db, id);
      if (!close) return undefined;
      const { close_no: owner } = close;
      checkOwner(query, key, owner);
      return { owner, page: await listLateEntries(db, close, key[1], limit, orderOf(query)) };
    };
    const { value } = await this.reads.read(reply, list);
    const { owner, page } = found(value, 'period close', id);
    return pageWith(
      listOf(reply),
      page,
      (row) => [owner, row.position],
      (row) => row,
    );
  }
}
