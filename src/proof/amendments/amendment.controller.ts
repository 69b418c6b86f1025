import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Outcome } from '../../engine/define/creator';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageWith, type Page, orderOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { NumberPipe, Reads } from '../../http/reads';
import {
  AmendEventDto,
  AmendmentDto,
  EventBackupDto,
  EventBackupListQuery,
  RestoreEventDto,
} from './amendment.dto';
import { listBackups } from './amendment.queries';
import { eventBackupView } from './amendment.view';
import { Amendments } from './amendments';

const EventBackupPage = pageDto(EventBackupDto);
const PATIENCE =
  'Rebuilds the whole state beside the live one and answers when that is done, which takes as ' +
  'long as a replay; while another replay, verification or amendment is under way: 503.';

@ApiTags('admin')
@Controller('v1/admin')
export class AmendmentController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
    private readonly amendments: Amendments,
  ) {}

  @Post('events/:position/amend')
  @Permission('events.amend')
  @ApiOperation({
    summary: 'Amend an event: back it up, change its data, and rebuild the state',
    description: `The way out of an event that cannot be materialized. ${PATIENCE}`,
  })
  @ApiCommand({
    status: 200,
    type: AmendmentDto,
    problems: [
      'not_found',
      'log_not_whole',
      'event_not_amendable',
      'nothing_to_amend',
      'zero_amount',
      'unbalanced_transaction',
      'amendment_not_materializable',
      'amendment_breaks_seal',
    ],
  })
  async amend(
    @AsCommand() request: CommandRequest,
    @Param('position', NumberPipe) position: number,
    @Body() body: AmendEventDto,
  ): Promise<AmendmentDto> {
    const input = { position, ...body };
    return this.answer(request, this.amendments.amend({ ...request, name: 'AmendEvent', input }));
  }

  @Get('event-backups')
  @Permission('event-backups.read')
  @ApiOperation({ summary: 'List what amended events were before' })
  @ApiRead({ type: EventBackupPage })
  async list(
    @Query() query: EventBackupListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<EventBackupDto>> {
    const limit = limitOf(query);
    const order = orderOf(query);
    const [place] = cursorKey(query, 1) as [number];
    const page = await this.reads.readLog(reply, (log) => listBackups(log, limit, place, order));
    return pageWith(listOf(reply), page, (row) => [row.amended_at_position], eventBackupView);
  }

  @Post('event-backups/:position/:amendment/restore')
  @Permission('events.restore')
  @ApiOperation({
    summary: 'Amend an event to what it was before one of its amendments',
    description: PATIENCE,
  })
  @ApiCommand({
    status: 200,
    type: AmendmentDto,
    problems: [
      'not_found',
      'log_not_whole',
      'nothing_to_amend',
      'amendment_not_materializable',
      'amendment_breaks_seal',
    ],
  })
  async restore(
    @AsCommand() request: CommandRequest,
    @Param('position', NumberPipe) position: number,
    @Param('amendment', NumberPipe) amendment: number,
    @Body() { reason }: RestoreEventDto,
  ): Promise<AmendmentDto> {
    const input = { position, amendment, reason };
    return this.answer(request, this.amendments.amend({ ...request, name: 'RestoreEvent', input }));
  }

  private async answer(
    request: CommandRequest,
    outcome: Promise<Outcome<AmendmentDto>>,
  ): Promise<AmendmentDto> {
    return this.commands.answer(request, await outcome);
  }
}
