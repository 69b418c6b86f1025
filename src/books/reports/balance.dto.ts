import { ApiProperty } from '@nestjs/swagger';
import { AccountGroup } from '../../http/account-fields';
import { AsOfQuery } from '../../http/as-of';
import { CountText, DateOnly, OneOf } from '../../http/fields';

export const INTERVALS = ['day', 'week', 'month'] as const;
export type Interval = (typeof INTERVALS)[number];
/** Levels of groups that there can be. */
export const MAX_DEPTH = 8;

export class BalanceSeriesQuery extends AsOfQuery {
  @DateOnly()
  from!: string;

  @DateOnly()
  to!: string;

  @OneOf(INTERVALS, { optional: true })
  interval?: Interval;
}

export class BalancePointDto {
  @ApiProperty({ format: 'date' })
  date!: string;

  @ApiProperty({ example: '100.50', description: 'At the end of that day' })
  balance!: string;
}

export class BalanceSeriesDto {
  @ApiProperty({ type: 'integer', description: 'What was known after this event' })
  position!: number;

  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ type: [BalancePointDto], description: 'The last day of each interval, and to' })
  points!: BalancePointDto[];
}

export class GroupBalancesQuery extends AsOfQuery {
  @AccountGroup({ optional: true })
  group?: string;

  @CountText(MAX_DEPTH, MAX_DEPTH)
  depth?: string;

  @DateOnly({ optional: true })
  asOf?: string;
}

export class GroupCurrencyDto {
  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ example: '150.50' })
  debits!: string;

  @ApiProperty({ example: '50.00' })
  credits!: string;

  @ApiProperty({ example: '100.50', description: 'Debits less credits' })
  net!: string;
}

export class GroupBalanceDto {
  @ApiProperty({
    type: String,
    nullable: true,
    example: 'assets:cash',
    description: 'null: the accounts that are in no group',
  })
  group!: string | null;

  @ApiProperty({ type: 'integer', description: 'Those of the group and of all below it' })
  accounts!: number;

  @ApiProperty({ type: [GroupCurrencyDto] })
  currencies!: GroupCurrencyDto[];
}

export class GroupBalancesDto {
  @ApiProperty({ type: 'integer', description: 'What was known after this event' })
  position!: number;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  asOf!: string | null;

  @ApiProperty({ type: [GroupBalanceDto], description: 'A group in front of those below it' })
  groups!: GroupBalanceDto[];
}
