import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { AsOfQuery } from '../../http/as-of';
import { DateOnly, OneOf } from '../../http/fields';

const COMPARED = { example: '90.00', description: 'On the day that is compared with' } as const;

export class BalanceSheetQuery extends AsOfQuery {
  @DateOnly({ optional: true })
  asOf?: string;

  @DateOnly({ optional: true })
  compareTo?: string;

  @OneOf(['json', 'csv'], { optional: true })
  format?: 'json' | 'csv';
}

export class IncomeStatementQuery extends AsOfQuery {
  @DateOnly({ optional: true })
  from?: string;

  @DateOnly({ optional: true })
  to?: string;

  @OneOf(['json', 'csv'], { optional: true })
  format?: 'json' | 'csv';
}

export class ReportAccountDto {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ type: String, nullable: true })
  clientId!: string | null;

  @ApiProperty()
  name!: string;

  @ApiProperty({ example: '100.50', description: 'Signed on its normal side' })
  balance!: string;

  @ApiPropertyOptional(COMPARED)
  compare?: string;
}

export class ReportGroupDto {
  @ApiProperty({
    type: String,
    nullable: true,
    example: 'assets:cash',
    description: 'null: the accounts that are in no group',
  })
  group!: string | null;

  @ApiProperty({ example: '100.50' })
  total!: string;

  @ApiPropertyOptional(COMPARED)
  compare?: string;

  @ApiProperty({ type: [ReportAccountDto], description: 'Without those that are at zero' })
  accounts!: ReportAccountDto[];
}

export class ReportSectionDto {
  @ApiProperty({ example: '100.50' })
  total!: string;

  @ApiPropertyOptional(COMPARED)
  compare?: string;

  @ApiProperty({ type: [ReportGroupDto] })
  groups!: ReportGroupDto[];
}

/** The sums of a balance sheet on the day that it is compared with. */
export class ComparedSheetDto {
  @ApiProperty({ example: '20.00' })
  result!: string;

  @ApiProperty({ example: '90.00' })
  totalAssets!: string;

  @ApiProperty({ example: '90.00' })
  totalLiabilitiesAndEquity!: string;
}

export class SheetCurrencyDto {
  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ type: ReportSectionDto })
  assets!: ReportSectionDto;

  @ApiProperty({ type: ReportSectionDto })
  liabilities!: ReportSectionDto;

  @ApiProperty({ type: ReportSectionDto })
  equity!: ReportSectionDto;

  @ApiProperty({ example: '20.00', description: 'Income less expense that is not closed yet' })
  result!: string;

  @ApiProperty({ example: '100.50' })
  totalAssets!: string;

  @ApiProperty({ example: '100.50', description: 'With the result; equal to totalAssets' })
  totalLiabilitiesAndEquity!: string;

  @ApiPropertyOptional({ type: ComparedSheetDto })
  compare?: ComparedSheetDto;
}

export class BalanceSheetDto {
  @ApiProperty({ type: 'integer', description: 'What was known after this event' })
  position!: number;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  asOf!: string | null;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  compareTo!: string | null;

  @ApiProperty({ type: [SheetCurrencyDto] })
  currencies!: SheetCurrencyDto[];
}

export class IncomeCurrencyDto {
  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ type: ReportSectionDto })
  income!: ReportSectionDto;

  @ApiProperty({ type: ReportSectionDto })
  expense!: ReportSectionDto;

  @ApiProperty({ example: '20.00', description: 'Income less expense' })
  result!: string;
}

export class IncomeStatementDto {
  @ApiProperty({ type: 'integer', description: 'What was known after this event' })
  position!: number;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  from!: string | null;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  to!: string | null;

  @ApiProperty({ type: [IncomeCurrencyDto] })
  currencies!: IncomeCurrencyDto[];
}
