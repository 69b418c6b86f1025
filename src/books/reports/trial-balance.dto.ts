import { ApiProperty } from '@nestjs/swagger';
import { ACCOUNT_TYPES, type AccountType } from '../accounts/account.events';
import { DateOnly, Instant, PositionText } from '../../http/fields';

export class TrialBalanceQuery {
  @DateOnly({ optional: true })
  asOf?: string;

  @PositionText(1)
  atPosition?: string;

  @Instant({ optional: true })
  at?: string;
}

/** One account: its net balance stands on the side on which it is, `"0.00"` on the other. */
export class TrialBalanceRowDto {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: ACCOUNT_TYPES })
  type!: AccountType;

  @ApiProperty({ example: '100.50', description: 'The net balance, if it is on this side' })
  debit!: string;

  @ApiProperty({ example: '0.00', description: 'The net balance, if it is on this side' })
  credit!: string;
}

export class CurrencyBalanceDto {
  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ type: [TrialBalanceRowDto] })
  rows!: TrialBalanceRowDto[];

  @ApiProperty({ example: '100.50' })
  totalDebit!: string;

  @ApiProperty({ example: '100.50', description: 'Always equal to totalDebit' })
  totalCredit!: string;
}

export class TrialBalanceDto {
  @ApiProperty({ type: 'integer', description: 'Everything until this position was counted' })
  position!: number;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  asOf!: string | null;

  @ApiProperty({ type: [CurrencyBalanceDto] })
  currencies!: CurrencyBalanceDto[];
}
