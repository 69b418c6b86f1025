import { ApiProperty } from '@nestjs/swagger';
import { AccountGroup, References } from '../../http/account-fields';
import { EffectiveDate, field, OneOf, Reference } from '../../http/fields';
import { Text, textRule } from '../../http/fields';
import { PageQuery } from '../../http/page';
import { DAY_COUNTS, type DayCount } from './day-count';
import { COMPOUNDINGS, RATE_PATTERN, type Compounding } from './exact-interest';

const MAX_ACCOUNTS = 100_000;
const MAX_REASON = 1000;
const ON_REFUSAL = ['refuse', 'skip'] as const;

/** A yearly rate: 1 is 100 %. */
function AnnualRate(): PropertyDecorator {
  return field(
    [
      textRule(
        'annualRate',
        (t) => RATE_PATTERN.test(t),
        'must be a decimal string such as "0.0425", below 1000 and of 12 decimals at most',
      ),
    ],
    { type: 'string', pattern: RATE_PATTERN.source, example: '0.0425' },
  );
}

export class AccrueInterestDto {
  @EffectiveDate()
  through!: string;

  @AnnualRate()
  annualRate!: string;

  @OneOf(DAY_COUNTS)
  dayCount!: DayCount;

  @References(MAX_ACCOUNTS, { optional: true })
  accountIds?: string[];

  @AccountGroup({ optional: true })
  group?: string;

  @Reference({ optional: true })
  expenseAccountId?: string;

  @Reference({ optional: true })
  incomeAccountId?: string;

  @OneOf(COMPOUNDINGS, { optional: true })
  compounding?: Compounding;

  @OneOf(ON_REFUSAL, { optional: true })
  onRefusal?: (typeof ON_REFUSAL)[number];
}

export class ReverseAccrualDto {
  @Text(1, MAX_REASON)
  reason!: string;
}

export class AccrualQuery {}

export class AccrualListQuery extends PageQuery {
  @Reference({ optional: true })
  accountId?: string;
}

/** What one account was credited with. */
export class AccrualDto {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ format: 'date', description: 'The first day accrued' })
  from!: string;

  @ApiProperty({ format: 'date', description: 'The last day accrued' })
  through!: string;

  @ApiProperty({ example: '1000.00', description: 'What interest is owed on for the last day' })
  principal!: string;

  @ApiProperty({ example: '0.12' })
  amount!: string;

  @ApiProperty({
    example: '-0.00356164383561643836',
    description: 'What rounding has left for the next accrual, to 20 decimals',
  })
  carriedFraction!: string;
}

/** What backdated entries have changed of interest that was accrued before; may be negative. */
export class AdjustmentDto {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ format: 'date', description: 'The first day that differs' })
  from!: string;

  @ApiProperty({ format: 'date', description: 'The last day that had been accrued' })
  through!: string;

  @ApiProperty({ example: '-0.05', description: 'Below zero: taken from the account' })
  amount!: string;
}

/** An account that was left out. */
export class SkippedAccountDto {
  @ApiProperty({ description: 'Its id, or what the request named where there is no such account' })
  accountId!: string;

  @ApiProperty({ example: 'insufficient_funds', description: 'The code of its refusal' })
  code!: string;

  @ApiProperty()
  detail!: string;
}

/** How an accrual was taken back. */
export class AccrualReversalDto {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiProperty()
  reason!: string;

  @ApiProperty({ type: [String], description: 'What took the money back' })
  transactionIds!: string[];
}

/** An accrual as the API answers it. */
export class InterestAccrualDto {
  @ApiProperty({
    ...{ type: String, format: 'uuid', nullable: true },
    description: 'Null, like what follows, only where an older version found nothing to accrue',
  })
  id!: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Of its first event' })
  position!: number | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  recordedAt!: string | null;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  through!: string | null;

  @ApiProperty({ type: String, nullable: true, example: '0.0425' })
  annualRate!: string | null;

  @ApiProperty({ type: String, nullable: true, enum: DAY_COUNTS })
  dayCount!: DayCount | null;

  @ApiProperty({ type: String, nullable: true, enum: COMPOUNDINGS })
  compounding!: Compounding | null;

  @ApiProperty({ type: String, nullable: true, description: 'Null where an older version accrued' })
  expenseAccountId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  incomeAccountId!: string | null;

  @ApiProperty({ type: [AccrualDto] })
  accruals!: AccrualDto[];

  @ApiProperty({ type: [AdjustmentDto], description: 'For entries backdated into accrued days' })
  adjustments!: AdjustmentDto[];

  @ApiProperty({ type: [SkippedAccountDto], description: 'Accounts that were left out, and why' })
  skipped!: SkippedAccountDto[];

  @ApiProperty({ type: [String], description: 'What was posted, up to 1000 postings each' })
  transactionIds!: string[];

  @ApiProperty({ type: AccrualReversalDto, nullable: true })
  reversal!: AccrualReversalDto | null;
}

/** The answer to what took an accrual back. */
export class ReversedAccrualDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ type: AccrualReversalDto })
  reversal!: AccrualReversalDto;
}
