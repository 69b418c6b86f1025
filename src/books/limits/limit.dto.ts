import { ApiProperty } from '@nestjs/swagger';
import { AccountGroup } from '../../http/account-fields';
import { Amount, ClientId, Currency, OneOf, Reference, Whole } from '../../http/fields';
import { PageQuery } from '../../http/page';
import { LIMIT_WINDOWS, type LimitWindow } from './limit.events';

const DIRECTIONS = ['debit', 'credit'] as const;
const MAX_COUNT = 1_000_000_000;

export class CreateLimitDto {
  @ClientId()
  clientId?: string;

  @Reference({ optional: true })
  accountId?: string;

  @AccountGroup({ optional: true })
  group?: string;

  @OneOf(DIRECTIONS)
  direction!: 'debit' | 'credit';

  @Currency()
  currency!: string;

  @Amount({ optional: true, nullable: true })
  amount?: string | null;

  @Whole(0, MAX_COUNT, 'Transactions', { optional: true, nullable: true })
  count?: number | null;

  @OneOf(LIMIT_WINDOWS)
  per!: LimitWindow;
}

/** What is absent stays as it is; null takes the bound away. */
export class ChangeLimitDto {
  @Amount({ optional: true, nullable: true })
  amount?: string | null;

  @Whole(0, MAX_COUNT, 'Transactions', { optional: true, nullable: true })
  count?: number | null;
}

/** Removing takes nothing; an empty object is accepted. */
export class RemoveLimitDto {}

/** Reading one limit takes no parameters. */
export class LimitQuery {}

export class LimitListQuery extends PageQuery {
  @Reference({ optional: true })
  accountId?: string;

  @AccountGroup({ optional: true })
  group?: string;

  @ClientId()
  clientId?: string;
}

const nullableText = { type: String, nullable: true } as const;

/** A velocity limit as the API answers it. */
export class LimitDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty(nullableText)
  clientId!: string | null;

  @ApiProperty({ ...nullableText, format: 'uuid' })
  accountId!: string | null;

  @ApiProperty({ ...nullableText, example: 'liabilities:customers' })
  group!: string | null;

  @ApiProperty({ enum: DIRECTIONS })
  direction!: 'debit' | 'credit';

  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ ...nullableText, example: '500.00', description: 'Gross; null: any amount' })
  amount!: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Transactions; null: any number' })
  count!: number | null;

  @ApiProperty({ enum: LIMIT_WINDOWS })
  per!: LimitWindow;

  @ApiProperty({ ...nullableText, format: 'date-time', description: 'Null while it is in force' })
  removedAt!: string | null;

  @ApiProperty({ type: 'integer', description: 'Grows with every change' })
  version!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the last event that changed it' })
  position!: number;
}
