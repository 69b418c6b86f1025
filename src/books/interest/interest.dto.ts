import { ApiProperty } from '@nestjs/swagger';
import { isReference } from '../../engine/define/reference';
import { checkedBy, EffectiveDate, field, OneOf, REFERENCE_PATTERN } from '../../http/fields';
import { Reference, textRule } from '../../http/fields';
import type { Check } from '../../http/fields';
import { DAY_COUNTS, type DayCount } from './day-count';
import { RATE_PATTERN } from './exact-interest';

const MAX_ACCOUNTS = 100_000;
const NOT_REFERENCES = `must be a list of 1 to ${MAX_ACCOUNTS} ids`;

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

const checkReferences: Check = (value) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_ACCOUNTS) {
    return NOT_REFERENCES;
  }
  const wrong = value.findIndex((item) => typeof item !== 'string' || !isReference(item));
  return wrong === -1 ? undefined : `has no UUID and no "client:" with a clientId at ${wrong}`;
};

/** Ids or `client:<clientId>`. */
function References(): PropertyDecorator {
  const schema = {
    type: 'array',
    items: { type: 'string', pattern: REFERENCE_PATTERN },
    minItems: 1,
    maxItems: MAX_ACCOUNTS,
    example: ['client:savings'],
    description: "Default: all open liability accounts of the expense account's currency",
  };
  return field(checkedBy('references', checkReferences), schema, { optional: true });
}

export class AccrueInterestDto {
  @EffectiveDate()
  through!: string;

  @AnnualRate()
  annualRate!: string;

  @OneOf(DAY_COUNTS)
  dayCount!: DayCount;

  @References()
  accountIds?: string[];

  @Reference()
  expenseAccountId!: string;
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

/** What accruing came to, as the API answers it. */
export class InterestAccrualsDto {
  @ApiProperty({ type: [AccrualDto] })
  accruals!: AccrualDto[];

  @ApiProperty({ type: [AdjustmentDto], description: 'For entries backdated into accrued days' })
  adjustments!: AdjustmentDto[];

  @ApiProperty({ type: [String], description: 'What was posted, up to 1000 postings each' })
  transactionIds!: string[];
}
