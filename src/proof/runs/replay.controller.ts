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
  ReplayDto,
  ReplayListQuery,
  RequestReplayDto,
  RunQuery,
  SwapBackDto,
  SwappedBackDto,
} from './run.dto';
import { listRuns, readRun, withRuns } from './run.queries';
import { replayView } from './run.view';

const ReplayPage = pageDto(ReplayDto);

@ApiTags('admin')
@Controller('v1/admin/replays')
export class ReplayController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
    private readonly actions: RunActions,
  ) {}

  @Post()
  @Permission('replays.request')
  @ApiOperation({
    summary: 'Rebuild the state beside the live one, and put it in its place',
    description:
      'Answers when the replay has ended, or after ten seconds. Where it ended by then with a ' +
      'state that differs from the live one, the answer is 409 `replay_differs`.',
  })
  @ApiCommand({
    status: 202,
    type: ReplayDto,
    problems: ['replay_differs', 'replay_in_progress'],
  })
  async request(
    @AsCommand() request: CommandRequest,
    @Body() body: RequestReplayDto,
  ): Promise<ReplayDto> {
    const reason = acceptReason(body);
    const position = await this.reads.position(request.reply);
    const outcome = await this.actions.requestReplay(request, reason, position);
    return this.commands.answer(request, outcome);
  }

  @Get()
  @Permission('replays.read')
  @ApiOperation({ summary: 'List replays' })
  @ApiRead({ type: ReplayPage })
  async list(
    @Query() query: ReplayListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<ReplayDto>> {
    const limit = limitOf(query);
    const order = orderOf(query);
    const [place] = cursorKey(query, 1) as [number];
    const filter = { status: query.status, place };
    const page = await this.reads.readLog(reply, (log) =>
      listRuns(withRuns(log), 'replay', filter, limit, order),
    );
    return pageWith(listOf(reply), page, (row) => [row.run_no], replayView);
  }

  @Get(':id')
  @Permission('replays.read')
  @ApiOperation({ summary: 'Read a replay, and how far it is or what it found' })
  @ApiRead({ type: ReplayDto, problems: ['not_found'] })
  async read(
    @Param('id', IdPipe) id: string,
    @Query() _: RunQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<ReplayDto> {
    const run = await this.reads.readLog(reply, (log) => readRun(withRuns(log), 'replay', id));
    return replayView(found(run, 'replay', id));
  }

  @Post('swap-back')
  @Permission('replays.swap-back')
  @ApiOperation({ summary: 'Undo the last replay, where nothing was written since' })
  @ApiCommand({
    status: 200,
    type: SwappedBackDto,
    problems: ['no_way_back', 'replay_in_progress'],
  })
  async swapBack(
    @AsCommand() request: CommandRequest,
    @Body() _: SwapBackDto,
  ): Promise<SwappedBackDto> {
    const position = await this.reads.position(request.reply);
    return this.commands.answer(request, await this.actions.swapBack(request, position));
  }

  @Post(':id/abort')
  @Permission('replays.abort')
  @ApiOperation({ summary: 'Stop a replay that is queued or running; the live state stays' })
  @ApiCommand({
    status: 200,
    type: ReplayDto,
    problems: ['not_found', 'run_not_active'],
  })
  async abort(
    @AsCommand() request: CommandRequest,
    @Param('id', IdPipe) id: string,
    @Body() _: AbortRunDto,
  ): Promise<ReplayDto> {
    const position = await this.reads.position(request.reply);
    const outcome = await this.actions.abortReplay(request, id, position);
    return this.commands.answer(request, outcome);
  }
}

/** Differences are accepted for a reason or not at all. @throws Refusal `validation_failed` */
function acceptReason({ acceptDifferences, reason }: RequestReplayDto): string | undefined {
  if (acceptDifferences && reason === undefined) {
    throw invalidRequest({ pointer: '/reason', message: 'is missing' });
  }
  if (!acceptDifferences && reason !== undefined) {
    const message = 'must be true where there is a reason';
    throw invalidRequest({ pointer: '/acceptDifferences', message });
  }
  return reason;
}
