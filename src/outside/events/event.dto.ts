import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import type { LedgerEvent } from '../../engine/define/event';
import { Instant, PositionText, Reference, Text } from '../../http/fields';
import { PageQuery } from '../../http/page';
import { TASK_STATUSES, type TaskStatus } from '../tasks/task-database';

const MAX_TYPES = 2_000;
const MAX_NAME = 255;

/** Which events are asked for: those that pass all filters, behind a position. */
export class EventFilters {
  @PositionText(0)
  after?: string;

  /** Several, with commas. */
  @Text(1, MAX_TYPES, { optional: true })
  type?: string;

  @Text(1, MAX_NAME, { optional: true })
  actor?: string;

  @Reference({ optional: true })
  accountId?: string;

  @Reference({ optional: true })
  transactionId?: string;

  @Text(1, MAX_NAME, { optional: true })
  correlationId?: string;

  @Instant({ optional: true })
  recordedFrom?: string;

  @Instant({ optional: true })
  recordedTo?: string;
}

export class EventListQuery extends IntersectionType(PageQuery, EventFilters) {}

export class EventStreamQuery extends EventFilters {}

/** Reading one event takes no parameters. */
export class EventQuery {}

/** A task as the event that asked for it lists it. */
export class EventTaskDto {
  @ApiProperty({ format: 'uuid' })
  taskId!: string;

  @ApiProperty({ example: 'company.address-changed-email' })
  name!: string;

  @ApiProperty({ enum: TASK_STATUSES })
  status!: TaskStatus;
}

/** The last amendment of an event. */
export class EventAmendmentDto {
  @ApiProperty({ type: 'integer', description: 'How often the event was amended' })
  amendment!: number;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty()
  by!: string;

  @ApiProperty()
  reason!: string;

  @ApiProperty({ type: 'integer', description: 'The event that says so' })
  position!: number;
}

/** An event of the log with the tasks that it asked for. */
export class EventDto implements LedgerEvent {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ example: 'TransactionPosted' })
  type!: string;

  @ApiProperty({ type: 'integer' })
  version!: number;

  @ApiProperty({ type: 'object', additionalProperties: true })
  data!: object;

  @ApiProperty({ format: 'date-time' })
  occurredAt!: string;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiProperty()
  actor!: string;

  @ApiProperty({ format: 'uuid' })
  commandId!: string;

  @ApiProperty({ type: String, nullable: true })
  correlationId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  causationId!: string | null;

  @ApiProperty({ description: 'SHA-256 over the previous hash and this event, in hex' })
  hash!: string;

  @ApiProperty({
    type: EventAmendmentDto,
    nullable: true,
    description: 'Its last amendment; the hash stays that of the original',
  })
  amended!: EventAmendmentDto | null;

  @ApiProperty({ type: [EventTaskDto] })
  tasks!: EventTaskDto[];
}
