import { ApiExtraModels, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { AsOfPageQuery, AsOfQuery } from '../../http/as-of';
import { ProblemDto } from '../../http/problem.dto';
import { AccountGroup } from '../../http/account-fields';
import { Words } from '../search/search.dto';
import {
  Amount,
  ClientId,
  Currency,
  DateOnly,
  EffectiveDate,
  IdempotencyKey,
  Instant,
  ListOf,
} from '../../http/fields';
import { Metadata, OneOf, Position, Reference, Text } from '../../http/fields';
import { MetadataFilter } from '../../http/metadata-filter';
import type { PostingInput } from './posting.rules';
import { MAX_POSTINGS, MIN_POSTINGS, type PostTransactionInput } from './transaction.rules';
import type { Direction, PostedPosting } from './transaction.events';

export const MAX_DESCRIPTION = 1000;
const MAX_BATCH = 1000;
const MAX_ACTOR = 255;
const DIRECTIONS = ['debit', 'credit'];

export class PostingDto implements PostingInput {
  @Reference()
  accountId!: string;

  @OneOf(DIRECTIONS)
  direction!: Direction;

  @Amount()
  amount!: string;

  @Position(1, { optional: true, description: "The account's version before this transaction" })
  accountVersion?: number;
}

export class PostTransactionDto implements PostTransactionInput {
  @ClientId()
  clientId?: string;

  @Text(1, MAX_DESCRIPTION)
  description!: string;

  @EffectiveDate({ optional: true })
  effectiveDate?: string;

  @Metadata()
  metadata?: Record<string, string>;

  @ListOf(() => PostingDto, MIN_POSTINGS, MAX_POSTINGS)
  postings!: PostingDto[];
}

export class BatchItemDto extends PostTransactionDto {
  @IdempotencyKey()
  idempotencyKey?: string;
}

export class PostTransactionBatchDto {
  @OneOf(['atomic', 'independent'])
  mode!: 'atomic' | 'independent';

  @ListOf(() => BatchItemDto, 1, MAX_BATCH)
  transactions!: BatchItemDto[];
}

export class ReverseTransactionDto {
  @ClientId()
  clientId?: string;

  @Text(1, MAX_DESCRIPTION, { optional: true })
  description?: string;

  @EffectiveDate({ optional: true })
  effectiveDate?: string;
}

export class TransactionQuery extends AsOfQuery {}

export class TransactionListQuery extends AsOfPageQuery {
  @Reference({ optional: true })
  accountId?: string;

  @DateOnly({ optional: true })
  from?: string;

  @DateOnly({ optional: true })
  to?: string;

  @ClientId()
  clientId?: string;

  @AccountGroup({ optional: true })
  group?: string;

  @Instant({ optional: true })
  recordedFrom?: string;

  @Instant({ optional: true })
  recordedTo?: string;

  @Words()
  q?: string;

  @Amount({ optional: true })
  amountFrom?: string;

  @Amount({ optional: true })
  amountTo?: string;

  @Currency({ optional: true })
  currency?: string;

  @Text(1, MAX_ACTOR, { optional: true })
  actor?: string;

  @MetadataFilter()
  'metadata[]'?: string;
}

export class PostedPostingDto implements PostedPosting {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ enum: DIRECTIONS })
  direction!: Direction;

  @ApiProperty({ example: '10.00' })
  amount!: string;

  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ example: '110.50', description: "The account's balance after this posting" })
  balanceAfter!: string;
}

/** The fact that a transaction is part of. */
export class TransactionSourceDto {
  @ApiProperty({ example: 'interest_accrual', description: 'What kind of fact it is' })
  type!: string;

  @ApiProperty({ format: 'uuid' })
  id!: string;
}

/** The last amendment of what posted a transaction. */
export class TransactionAmendmentDto {
  @ApiProperty()
  by!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty()
  reason!: string;
}

/** A transaction as the API answers it. */
export class TransactionDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, nullable: true })
  clientId!: string | null;

  @ApiProperty()
  description!: string;

  @ApiProperty({ format: 'date' })
  effectiveDate!: string;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  metadata!: Record<string, string>;

  @ApiProperty({ type: String, nullable: true, description: 'The transaction that it reverses' })
  reverses!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The transaction that reverses it' })
  reversedBy!: string | null;

  @ApiProperty({
    type: TransactionSourceDto,
    nullable: true,
    description: 'The fact that it is part of, and undone with',
  })
  source!: TransactionSourceDto | null;

  @ApiProperty({ description: 'Whether it carries income and expense to equity, or takes it back' })
  closing!: boolean;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The hold that it captures',
  })
  holdId!: string | null;

  @ApiProperty({
    type: TransactionAmendmentDto,
    nullable: true,
    description: 'Its last amendment; null: it is as it was posted',
  })
  amended!: TransactionAmendmentDto | null;

  @ApiProperty({ type: [PostedPostingDto] })
  postings!: PostedPostingDto[];
}

@ApiExtraModels(TransactionDto, ProblemDto)
export class BatchResultDto {
  @ApiProperty({ type: 'integer', description: '201, or the status of the problem' })
  status!: number;

  @ApiPropertyOptional({ type: TransactionDto })
  transaction?: TransactionDto;

  @ApiPropertyOptional({ type: ProblemDto })
  problem?: ProblemDto;

  @ApiPropertyOptional({ description: 'true: the first answer again, to its idempotencyKey' })
  idempotencyHit?: boolean;
}

export class BatchResultsDto {
  @ApiProperty({ type: [BatchResultDto], description: 'In the order of the transactions' })
  results!: BatchResultDto[];
}
