import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, pageOf, type Page } from '../../http/page';
import { found, IdPipe, Reads } from '../../http/reads';
import { TaskActions } from './task-actions';
import { taskView, type TaskPlace } from './task.queries';
import { RetryTaskDto, TaskDto, TaskListQuery, TaskQuery } from './task.dto';
import { TaskFeed } from './task-feed';

const TaskPage = pageDto(TaskDto);
/** Before every task: ordinals begin with 0. */
const BEGINNING: TaskPlace = { position: 0, ordinal: -1 };

/** Open to administrators alone, as `http/authentication.ts` says. */
@ApiTags('tasks')
@Controller('v1/tasks')
export class TaskController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
    private readonly feed: TaskFeed,
    private readonly actions: TaskActions,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List tasks in the order of the events that asked for them' })
  @ApiRead({ type: TaskPage, problems: ['forbidden'] })
  async list(
    @Query() query: TaskListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<TaskDto>> {
    const limit = limitOf(query);
    const [position, ordinal] = cursorKey(query, 2) as [number, number];
    const after = query.cursor === undefined ? BEGINNING : { position, ordinal };
    await this.reads.position(reply);
    const rows = await this.feed.list(query, after, limit + 1);
    return pageOf(rows, limit, (row) => [row.position, row.ordinal], taskView);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a task and what became of it' })
  @ApiRead({ type: TaskDto, problems: ['forbidden', 'not_found'] })
  async read(
    @Param('id', IdPipe) id: string,
    @Query() _: TaskQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<TaskDto> {
    await this.reads.position(reply);
    return taskView(found(await this.feed.find(id), 'task', id));
  }

  @Post(':id/retry')
  @ApiOperation({ summary: 'Hand a task that has failed over again, with all its attempts' })
  @ApiCommand({
    status: 200,
    type: TaskDto,
    problems: ['forbidden', 'not_found', 'task_not_failed'],
  })
  async retry(
    @AsCommand() request: CommandRequest,
    @Param('id', IdPipe) id: string,
    @Body() _: RetryTaskDto,
  ): Promise<TaskDto> {
    const position = await this.reads.position(request.reply);
    return this.commands.answer(request, await this.actions.retry(request, id, position));
  }
}
