import { Body, Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import { Registry } from '../../engine/define/registry';
import type { LogDatabase } from '../../engine/write/event-log';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageOf, type Page } from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { found, IdPipe, Reads } from '../../http/reads';
import { LOG_READER } from '../../http/service-tokens';
import { TaskActions } from './task-actions';
import { withTasks } from './task-database';
import { hasTasksOf, listTasks, readTask, taskView, type TaskPlace } from './task.queries';
import { RetryTaskDto, TaskDto, TaskListQuery, TaskQuery } from './task.dto';

const TaskPage = pageDto(TaskDto);
/** Before every task: ordinals begin with 0. */
const BEGINNING: TaskPlace = { position: 0, ordinal: -1 };

@ApiTags('tasks')
@Controller('v1/tasks')
export class TaskController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
    @Inject(LOG_READER) private readonly log: Kysely<LogDatabase>,
    private readonly actions: TaskActions,
    private readonly registry: Registry,
  ) {}

  @Get()
  @Permission('tasks.read')
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
    await this.checkName(query.name);
    const rows = await listTasks(withTasks(this.log), query, after, limit + 1);
    return pageOf(listOf(reply), rows, limit, (row) => [row.position, row.ordinal], taskView);
  }

  @Get(':id')
  @Permission('tasks.read')
  @ApiOperation({ summary: 'Read a task and what became of it' })
  @ApiRead({ type: TaskDto, problems: ['forbidden', 'not_found'] })
  async read(
    @Param('id', IdPipe) id: string,
    @Query() _: TaskQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<TaskDto> {
    await this.reads.position(reply);
    const task = await readTask(withTasks(this.log), id);
    return taskView(found(task, 'task', id));
  }

  @Post(':id/retry')
  @Permission('tasks.retry')
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

  /** Events may have asked for what no code asks for any longer. @throws Refusal */
  private async checkName(name: string | undefined): Promise<void> {
    if (name === undefined || this.registry.taskNames.has(name)) return;
    if (await hasTasksOf(withTasks(this.log), name)) return;
    throw invalidRequest({ pointer: '/name', message: 'is the name of no task' });
  }
}
