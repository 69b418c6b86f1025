import { ApiProperty } from '@nestjs/swagger';
import { ACCOUNT_TYPES, type AccountType } from '../accounts/account.events';
import { AccountGroup } from '../../http/account-fields';
import { AsOfQuery } from '../../http/as-of';
import { DateOnly, OneOf } from '../../http/fields';

export class TrialBalanceQuery extends AsOfQuery {
  @DateOnly({ optional: true })
  asOf?: string;

  @DateOnly({ optional: true })
  from?: string;

  @AccountGroup({ optional: true })
  group?: string;

  @OneOf(['json', 'csv'], { optional: true })
  format?: 'json' | 'csv';
}

/**
 * One account: its net balance stands on the side on which it is, `"0.00"` on the other. With
 * `from` both sides have what was posted to them since that day.
 */
export class TrialBalanceRowDto {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ type: String, nullable: true })
  clientId!: string | null;

  @ApiProperty()
  name!: string;

  @ApiProperty({ type: String, nullable: true, example: 'assets:cash' })
  group!: string | null;

  @ApiProperty({ enum: ACCOUNT_TYPES })
  type!: AccountType;

  @ApiProperty({
    example: '100.50',
    description: 'The net balance, if it is on this side, or what moved',
  })
  debit!: string;

  @ApiProperty({
    example: '0.00',
    description: 'The net balance, if it is on this side, or what moved',
  })
  credit!: string;
}

export class CurrencyBalanceDto {
  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ type: [TrialBalanceRowDto] })
  rows!: TrialBalanceRowDto[];

  @ApiProperty({ example: '100.50' })
  totalDebit!: string;

  @ApiProperty({
    example: '100.50',
    description: 'Equal to totalDebit where no group is asked for',
  })
  totalCredit!: string;
}

export class TrialBalanceDto {
  @ApiProperty({ type: 'integer', description: 'Everything until this position was counted' })
  position!: number;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  asOf!: string | null;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  from!: string | null;

  @ApiProperty({ type: [CurrencyBalanceDto] })
  currencies!: CurrencyBalanceDto[];
}
