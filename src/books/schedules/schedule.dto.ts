import { ApiProperty } from '@nestjs/swagger';
import { Amount, ClientId, DateOnly, ListOf, Metadata, OneOf } from '../../http/fields';
import { Reference, Text } from '../../http/fields';
import { MetadataFilter } from '../../http/metadata-filter';
import { PageQuery } from '../../http/page';
import { MAX_DESCRIPTION } from '../transactions/transaction.dto';
import { MAX_POSTINGS, MIN_POSTINGS } from '../transactions/transaction.rules';
import type { Direction } from '../transactions/transaction.events';
import { REPEATS, type Repeat, type ScheduledPosting } from './schedule.events';
import { SCHEDULE_STATUSES, type ScheduleStatus } from './schedule.table';

const DIRECTIONS = ['debit', 'credit'];

export class ScheduledPostingInputDto {
  @Reference()
  accountId!: string;

  @OneOf(DIRECTIONS)
  direction!: Direction;

  @Amount()
  amount!: string;
}

export class ScheduleTransactionDto {
  @ClientId()
  clientId?: string;

  @Text(1, MAX_DESCRIPTION)
  description!: string;

  @Metadata()
  metadata?: Record<string, string>;

  @ListOf(() => ScheduledPostingInputDto, MIN_POSTINGS, MAX_POSTINGS)
  postings!: ScheduledPostingInputDto[];

  @DateOnly()
  postOn!: string;

  @OneOf(REPEATS, { optional: true })
  repeat?: Repeat;

  @DateOnly({ optional: true })
  until?: string;
}

/** Cancelling takes nothing; an empty object is accepted. */
export class CancelScheduledTransactionDto {}

/** Reading one takes no parameters. */
export class ScheduledTransactionQuery {}

export class ScheduledTransactionListQuery extends PageQuery {
  @Reference({ optional: true })
  accountId?: string;

  @OneOf(SCHEDULE_STATUSES, { optional: true })
  status?: ScheduleStatus;

  @ClientId()
  clientId?: string;

  @MetadataFilter()
  'metadata[]'?: string;
}

export class ScheduledPostingDto implements ScheduledPosting {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ enum: DIRECTIONS })
  direction!: Direction;

  @ApiProperty({ example: '100.50' })
  amount!: string;

  @ApiProperty({ example: 'USD' })
  currency!: string;
}

export class RunRefusalDto {
  @ApiProperty({ example: 'insufficient_funds' })
  code!: string;

  @ApiProperty()
  detail!: string;
}

const nullableText = { type: String, nullable: true } as const;
const nullableDay = { ...nullableText, format: 'date' } as const;

/** What became of one day: of transaction and refusal one is null. */
export class ScheduledRunDto {
  @ApiProperty({ format: 'date' })
  on!: string;

  @ApiProperty({ ...nullableText, format: 'uuid' })
  transactionId!: string | null;

  @ApiProperty({ type: RunRefusalDto, nullable: true })
  refusal!: RunRefusalDto | null;
}

/** A scheduled transaction as the API answers it. */
export class ScheduledTransactionDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty(nullableText)
  clientId!: string | null;

  @ApiProperty()
  description!: string;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  metadata!: Record<string, string>;

  @ApiProperty({ type: [ScheduledPostingDto] })
  postings!: ScheduledPostingDto[];

  @ApiProperty({ format: 'date', description: 'The first day' })
  postOn!: string;

  @ApiProperty({ ...nullableText, enum: [...REPEATS, null] })
  repeat!: Repeat | null;

  @ApiProperty({ ...nullableDay, description: 'The last day that it may be posted on' })
  until!: string | null;

  @ApiProperty({ enum: SCHEDULE_STATUSES })
  status!: ScheduleStatus;

  @ApiProperty({ ...nullableDay, description: 'The day that it is posted for next' })
  nextOn!: string | null;

  @ApiProperty({ type: [ScheduledRunDto], description: 'The last hundred, in order' })
  runs!: ScheduledRunDto[];

  @ApiProperty({ type: 'integer', description: 'Grows with every change' })
  version!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the last event that changed it' })
  position!: number;
}
