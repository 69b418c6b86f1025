import { Body, Controller, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import { readAccount } from '../accounts/account.queries';
import type { StateDatabase } from '../../engine/define/state-table';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageOf, type Page, orderOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { found, Reads, ReferencePipe } from '../../http/reads';
import { showVersion, type FindVersioned } from '../../http/versions';
import { ChangeLimit, CreateLimit, RemoveLimit } from './limit.creators';
import { ChangeLimitDto, CreateLimitDto, RemoveLimitDto } from './limit.dto';
import { LimitDto, LimitListQuery, LimitQuery } from './limit.dto';
import { findLimit, listLimits, readLimit } from './limit.queries';
import { limitView } from './limit.view';

/** What an `If-Match` is compared with. */
const limitNamed: FindVersioned<{ limitId: string }> = (state, { limitId }) =>
  findLimit(state, limitId);

const LimitPage = pageDto(LimitDto);

@ApiTags('velocity limits')
@Controller('v1/limits')
export class LimitController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('limits.create')
  @ApiOperation({
    summary: 'Limit what goes through an account in a day, a week, a month or 24 hours',
    description:
      "Days and weeks (from Monday) are the book's, by recording. What was posted in the window " +
      'before counts; interest and period closes never do.',
  })
  @ApiCommand({
    status: 201,
    type: LimitDto,
    problems: ['client_id_taken', 'account_not_found', 'currency_mismatch', 'too_many_limits'],
  })
  create(@AsCommand() request: CommandRequest, @Body() body: CreateLimitDto): Promise<LimitDto> {
    return this.commands.submit(request, CreateLimit, body);
  }

  @Patch(':id')
  @Permission('limits.change')
  @ApiOperation({ summary: 'Change how much a limit lets through' })
  @ApiCommand({
    status: 200,
    type: LimitDto,
    hasVersion: true,
    problems: ['not_found', 'limit_removed'],
  })
  change(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) limitId: string,
    @Body() body: ChangeLimitDto,
  ): Promise<LimitDto> {
    return this.commands.submit(request, ChangeLimit, { ...body, limitId }, limitNamed);
  }

  @Post(':id/remove')
  @Permission('limits.remove')
  @ApiOperation({ summary: 'Have a limit count and refuse no more' })
  @ApiCommand({
    status: 200,
    type: LimitDto,
    hasVersion: true,
    problems: ['not_found', 'limit_removed'],
  })
  remove(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) limitId: string,
    @Body() _: RemoveLimitDto,
  ): Promise<LimitDto> {
    return this.commands.submit(request, RemoveLimit, { limitId }, limitNamed);
  }

  @Get()
  @Permission('limits.read')
  @ApiOperation({ summary: 'List limits in the order in which they were made; removed ones too' })
  @ApiRead({ type: LimitPage })
  async list(
    @Query() query: LimitListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<LimitDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const { accountId: reference, group, clientId } = query;
    const list = async (db: Kysely<StateDatabase>) => {
      if (reference === undefined)
        return listLimits(db, { group, clientId }, after, limit + 1, orderOf(query));
      const account = await readAccount(db, reference);
      // A filter that nothing fits, like any other.
      if (!account) return [];
      const filter = { accountId: account.account_id, group, clientId };
      return listLimits(db, filter, after, limit + 1, orderOf(query));
    };
    const { value } = await this.reads.read(reply, list);
    return pageOf(listOf(reply), value, limit, (row) => [row.limit_no], limitView);
  }

  @Get(':id')
  @Permission('limits.read')
  @ApiOperation({ summary: 'Read a limit' })
  @ApiRead({ type: LimitDto, hasVersion: true, problems: ['not_found'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() _: LimitQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<LimitDto> {
    const { value } = await this.reads.one(reply, (db) => readLimit(db, id));
    const view = limitView(found(value, 'limit', id));
    showVersion(reply, view);
    return view;
  }
}
