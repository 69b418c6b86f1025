import { ApiProperty } from '@nestjs/swagger';
import { AsOfPageQuery } from '../../http/as-of';
import { DateOnly, OneOf } from '../../http/fields';
import { AccountDto } from '../accounts/account.dto';

export class StatementQuery extends AsOfPageQuery {
  @DateOnly({ optional: true })
  from?: string;

  @DateOnly({ optional: true })
  to?: string;

  @OneOf(['json', 'csv', 'pdf'], { optional: true })
  format?: 'json' | 'csv' | 'pdf';
}

/** Another account of a transaction. */
export class CounterAccountDto {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ type: String, nullable: true })
  clientId!: string | null;

  @ApiProperty()
  name!: string;
}

/** One posting, with the balance after it in the order of the statement. */
export class StatementEntryDto {
  @ApiProperty({ format: 'date' })
  effectiveDate!: string;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'uuid' })
  transactionId!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Of the transaction' })
  clientId!: string | null;

  @ApiProperty()
  description!: string;

  @ApiProperty({ enum: ['debit', 'credit'] })
  direction!: 'debit' | 'credit';

  @ApiProperty({ example: '10.00' })
  amount!: string;

  @ApiProperty({ example: '110.50', description: 'The balance after it, by effective date' })
  balance!: string;

  @ApiProperty({ type: [CounterAccountDto], description: 'The other accounts it was posted to' })
  counterAccounts!: CounterAccountDto[];

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  metadata!: Record<string, string>;
}

/** An account with its entries of some days. */
export class AccountStatementDto {
  @ApiProperty({ type: AccountDto, description: 'As it was at the position' })
  account!: AccountDto;

  @ApiProperty({ example: '100.50', description: 'The balance before the first day' })
  opening!: string;

  @ApiProperty({ example: '110.50', description: 'The balance after the last day' })
  closing!: string;

  @ApiProperty({ example: '10.00', description: 'All debits of the days, on whatever page' })
  totalDebits!: string;

  @ApiProperty({ example: '0.00', description: 'All credits of the days, on whatever page' })
  totalCredits!: string;

  @ApiProperty({ type: [StatementEntryDto], description: 'By effective date, then position' })
  entries!: StatementEntryDto[];
}

export class StatementDto extends AccountStatementDto {
  @ApiProperty({ type: 'integer', description: 'What was known after this event' })
  position!: number;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  from!: string | null;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  to!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'null: this is the last page' })
  nextCursor!: string | null;
}
