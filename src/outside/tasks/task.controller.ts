import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import { Registry } from '../../engine/define/registry';
import type { LogDatabase } from '../../engine/write/event-log';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import {
  cursorKey,
  limitOf,
  listOf,
  pageWith,
  type Page,
  orderOf,
  checkForwards,
} from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { filteredBy, found, IdPipe, Reads } from '../../http/reads';
import { TaskActions } from './task-actions';
import { withTasks } from './task-database';
import { listTasks } from './task-list';
import { hasTasksOf, readTask, taskView, type TaskPlace } from './task.queries';
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
    private readonly actions: TaskActions,
    private readonly registry: Registry,
  ) {}

  @Get()
  @Permission('tasks.read')
  @ApiOperation({ summary: 'List tasks in the order of the events that asked for them' })
  @ApiRead({ type: TaskPage })
  async list(
    @Query() query: TaskListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<TaskDto>> {
    const limit = limitOf(query);
    const [position, ordinal] = cursorKey(query, 2) as [number, number];
    const order = orderOf(query);
    if (query.status === 'recorded') checkForwards(query);
    const isFirst = query.cursor === undefined && order === 'asc';
    const after = isFirst ? BEGINNING : { position, ordinal };
    const list = async (log: Kysely<LogDatabase>) => {
      await this.checkName(log, query.name);
      return listTasks(withTasks(log), query, after, limit, order);
    };
    const cost = filteredBy(query.name, query.status);
    const page = await this.reads.readLog(reply, list, cost);
    return pageWith(listOf(reply), page, (row) => [row.position, row.ordinal], taskView);
  }

  @Get(':id')
  @Permission('tasks.read')
  @ApiOperation({ summary: 'Read a task and what became of it' })
  @ApiRead({ type: TaskDto, problems: ['not_found'] })
  async read(
    @Param('id', IdPipe) id: string,
    @Query() _: TaskQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<TaskDto> {
    const task = await this.reads.readLog(reply, (log) => readTask(withTasks(log), id));
    return taskView(found(task, 'task', id));
  }

  @Post(':id/retry')
  @Permission('tasks.retry')
  @ApiOperation({ summary: 'Hand a task that has failed over again, with all its attempts' })
  @ApiCommand({
    status: 200,
    type: TaskDto,
    problems: ['not_found', 'task_not_failed'],
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
  private async checkName(log: Kysely<LogDatabase>, name: string | undefined): Promise<void> {
    if (name === undefined || this.registry.taskNames.has(name)) return;
    if (await hasTasksOf(withTasks(log), name)) return;
    throw invalidRequest({ pointer: '/name', message: 'is the name of no task' });
  }
}
