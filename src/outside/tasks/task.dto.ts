import { ApiProperty } from '@nestjs/swagger';
import { OneOf, Text } from '../../http/fields';
import { PageQuery } from '../../http/page';
import { TASK_STATUSES, type TaskStatus } from './task-database';

const MAX_NAME = 100;
const MAX_SUBJECT = 200;

export class TaskListQuery extends PageQuery {
  @OneOf(TASK_STATUSES, { optional: true })
  status?: TaskStatus;

  @Text(1, MAX_NAME, { optional: true })
  name?: string;

  @Text(1, MAX_SUBJECT, { optional: true })
  subject?: string;
}

/** Reading one task takes no parameters. */
export class TaskQuery {}

/** Retrying takes nothing; an empty object is accepted. */
export class RetryTaskDto {}

const nullableText = { type: String, nullable: true } as const;
const nullableTime = { type: String, format: 'date-time', nullable: true } as const;
const anyObject = { type: 'object', additionalProperties: true } as const;

/** A task as the API answers it. */
export class TaskDto {
  @ApiProperty({ format: 'uuid', description: "The outside world's idempotency key" })
  taskId!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the event that asked for it' })
  position!: number;

  @ApiProperty({ example: 'company.address-changed-email' })
  name!: string;

  @ApiProperty({ ...nullableText, description: 'What it is about, a recipient for instance' })
  subject!: string | null;

  @ApiProperty(anyObject)
  payload!: object;

  @ApiProperty({ ...nullableTime, description: 'Not done before this time; null: done at once' })
  notBefore!: string | null;

  @ApiProperty({ enum: TASK_STATUSES, description: 'recorded: not handed over yet' })
  status!: TaskStatus;

  @ApiProperty({ type: 'integer', description: 'Attempts that were begun' })
  attempts!: number;

  @ApiProperty({ ...nullableText, description: 'Of the last attempt that failed' })
  lastError!: string | null;

  @ApiProperty({ ...nullableTime, description: 'When it comes again after a failed attempt' })
  nextAttemptAt!: string | null;

  @ApiProperty(nullableTime)
  doneAt!: string | null;

  @ApiProperty({ ...anyObject, nullable: true, description: 'What came of it' })
  result!: object | null;
}
