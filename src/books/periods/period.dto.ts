import { ApiProperty } from '@nestjs/swagger';
import { References } from '../../http/account-fields';
import { EffectiveDate, Text } from '../../http/fields';
import { PageQuery } from '../../http/page';
import type { SealedCurrency } from './period.events';

const MAX_CLOSE_TO = 1000;
const MAX_REASON = 1000;

export class ClosePeriodDto {
  @EffectiveDate()
  through!: string;

  @References(MAX_CLOSE_TO, { optional: true })
  closeTo?: string[];
}

export class ReopenPeriodDto {
  @Text(1, MAX_REASON)
  reason!: string;
}

export class PeriodCloseQuery {}

export class PeriodCloseListQuery extends PageQuery {}

export class LateEntryListQuery extends PageQuery {}

export class SealedCurrencyDto implements SealedCurrency {
  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ example: '100.50' })
  totalDebit!: string;

  @ApiProperty({ example: '100.50' })
  totalCredit!: string;
}

/** How a period was opened again. */
export class ReopeningDto {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiProperty()
  reason!: string;

  @ApiProperty({ type: [String], description: 'What took the closing transactions back' })
  transactionIds!: string[];
}

/** One side of what was posted late. */
export class LatePostingDto {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ enum: ['debit', 'credit'] })
  direction!: 'debit' | 'credit';

  @ApiProperty({ example: '10.00' })
  amount!: string;

  @ApiProperty({ example: 'USD' })
  currency!: string;
}

/** A transaction that was posted into a period after it was opened again. */
export class LateEntryDto {
  @ApiProperty({ format: 'uuid' })
  transactionId!: string;

  @ApiProperty({ type: String, nullable: true })
  clientId!: string | null;

  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiProperty({ format: 'date' })
  effectiveDate!: string;

  @ApiProperty()
  description!: string;

  @ApiProperty({ type: [LatePostingDto] })
  postings!: LatePostingDto[];
}

/** The close of a period as the API answers it. */
export class PeriodCloseDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'date', description: 'The last day of the period' })
  through!: string;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiProperty({
    type: 'integer',
    description: 'Of the event before the close: what the sealed trial balance counts',
  })
  position!: number;

  @ApiProperty({ description: 'Of the event before the close, hex' })
  hash!: string;

  @ApiProperty({
    description:
      'SHA-256, hex, of the canonical form (RFC 8785) of the trial balance as of `through` at ' +
      '`position`: [{currency, rows: [{accountId, debit, credit}], totalDebit, totalCredit}], ' +
      'currencies and accountIds in order, rows of zero left out',
  })
  digest!: string;

  @ApiProperty({ type: [SealedCurrencyDto] })
  currencies!: SealedCurrencyDto[];

  @ApiProperty({ type: [String], description: 'What carried income and expense to closeTo' })
  transactionIds!: string[];

  @ApiProperty({ type: ReopeningDto, nullable: true, description: 'null: the period is closed' })
  reopened!: ReopeningDto | null;
}
