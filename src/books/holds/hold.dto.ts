import { ApiProperty } from '@nestjs/swagger';
import { ClientId, EffectiveDate, Flag, Instant, ListOf } from '../../http/fields';
import { Metadata, OneOf, Reference, Text } from '../../http/fields';
import { MetadataFilter } from '../../http/metadata-filter';
import { PageQuery } from '../../http/page';
import { MAX_DESCRIPTION, PostingDto } from '../transactions/transaction.dto';
import { MAX_POSTINGS, MIN_POSTINGS } from '../transactions/transaction.rules';
import type { Direction } from '../transactions/transaction.events';
import { HOLD_STATUSES, type HeldPosting, type HoldStatus } from './hold.table';

const MAX_REASON = 500;

export class PlaceHoldDto {
  @ClientId()
  clientId?: string;

  @Text(1, MAX_DESCRIPTION)
  description!: string;

  @Instant({ optional: true })
  expiresAt?: string;

  @Metadata()
  metadata?: Record<string, string>;

  @ListOf(() => PostingDto, MIN_POSTINGS, MAX_POSTINGS)
  postings!: PostingDto[];
}

export class CaptureHoldDto {
  @ClientId()
  clientId?: string;

  @ListOf(() => PostingDto, MIN_POSTINGS, MAX_POSTINGS, {
    optional: true,
    description: 'Left out: all that is left',
  })
  postings?: PostingDto[];

  @Flag('Whether what is left afterwards is freed; left out: true')
  final?: boolean;

  @Text(1, MAX_DESCRIPTION, { optional: true })
  description?: string;

  @EffectiveDate({ optional: true })
  effectiveDate?: string;
}

export class VoidHoldDto {
  @Text(1, MAX_REASON, { optional: true })
  reason?: string;
}

/** Reading one hold takes no parameters. */
export class HoldQuery {}

export class HoldListQuery extends PageQuery {
  @Reference({ optional: true })
  accountId?: string;

  @OneOf(HOLD_STATUSES, { optional: true })
  status?: HoldStatus;

  @MetadataFilter()
  'metadata[]'?: string;
}

export class HeldPostingDto implements HeldPosting {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ enum: ['debit', 'credit'] })
  direction!: Direction;

  @ApiProperty({ example: '100.50' })
  amount!: string;

  @ApiProperty({ example: '0.00', description: 'How much of it was captured' })
  captured!: string;

  @ApiProperty({ example: 'USD' })
  currency!: string;
}

/** A hold as the API answers it. */
export class HoldDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, nullable: true })
  clientId!: string | null;

  @ApiProperty()
  description!: string;

  @ApiProperty({ enum: HOLD_STATUSES })
  status!: HoldStatus;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'From then on it holds nothing, and can only expire',
  })
  expiresAt!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  metadata!: Record<string, string>;

  @ApiProperty({ type: [HeldPostingDto] })
  postings!: HeldPostingDto[];

  @ApiProperty({
    type: 'array',
    items: { type: 'string', format: 'uuid' },
    description: 'The transactions that captured it',
  })
  transactionIds!: string[];

  @ApiProperty({ type: 'integer', description: 'Grows with every change of the hold' })
  version!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the last event that changed it' })
  position!: number;
}
