import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageWith, type Page, orderOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { found, IdPipe, Reads } from '../../http/reads';
import { RunActions } from './run-actions';
import {
  AbortRunDto,
  RequestVerificationDto,
  RunQuery,
  VerificationDto,
  VerificationListQuery,
} from './run.dto';
import { listRuns, readRun, withRuns } from './run.queries';
import { verificationView } from './run.view';

const VerificationPage = pageDto(VerificationDto);

@ApiTags('admin')
@Controller('v1/admin/replay-verifications')
export class VerificationController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
    private readonly actions: RunActions,
  ) {}

  @Post()
  @Permission('verifications.request')
  @ApiOperation({ summary: 'Rebuild the state beside the live one, and compare the two' })
  @ApiCommand({ status: 202, type: VerificationDto, problems: ['verification_queued'] })
  async request(
    @AsCommand() request: CommandRequest,
    @Body() { toPosition }: RequestVerificationDto,
  ): Promise<VerificationDto> {
    const position = await this.reads.position(request.reply);
    if (toPosition !== undefined && toPosition > position) {
      const message = `must not be above the ledger's position, ${position}`;
      throw invalidRequest({ pointer: '/toPosition', message });
    }
    const outcome = await this.actions.requestVerification(request, toPosition, position);
    return this.commands.answer(request, outcome);
  }

  @Get()
  @Permission('verifications.read')
  @ApiOperation({ summary: 'List verifications' })
  @ApiRead({ type: VerificationPage })
  async list(
    @Query() query: VerificationListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<VerificationDto>> {
    const limit = limitOf(query);
    const order = orderOf(query);
    const [place] = cursorKey(query, 1) as [number];
    const filter = { status: query.status, place };
    const page = await this.reads.readLog(reply, (log) =>
      listRuns(withRuns(log), 'verification', filter, limit, order),
    );
    return pageWith(listOf(reply), page, (row) => [row.run_no], verificationView);
  }

  @Get(':id')
  @Permission('verifications.read')
  @ApiOperation({ summary: 'Read a verification, and how far it is or what it found' })
  @ApiRead({ type: VerificationDto, problems: ['not_found'] })
  async read(
    @Param('id', IdPipe) id: string,
    @Query() _: RunQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<VerificationDto> {
    const run = await this.reads.readLog(reply, (log) =>
      readRun(withRuns(log), 'verification', id),
    );
    return verificationView(found(run, 'verification', id));
  }

  @Post(':id/abort')
  @Permission('verifications.abort')
  @ApiOperation({ summary: 'Stop a verification that is queued or running' })
  @ApiCommand({
    status: 200,
    type: VerificationDto,
    problems: ['not_found', 'run_not_active'],
  })
  async abort(
    @AsCommand() request: CommandRequest,
    @Param('id', IdPipe) id: string,
    @Body() _: AbortRunDto,
  ): Promise<VerificationDto> {
    const position = await this.reads.position(request.reply);
    const outcome = await this.actions.abortVerification(request, id, position);
    return this.commands.answer(request, outcome);
  }
}
