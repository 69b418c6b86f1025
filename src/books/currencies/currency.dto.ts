import { ApiProperty } from '@nestjs/swagger';
import { Currency, Text, Whole } from '../../http/fields';
import { PageQuery } from '../../http/page';
import { MAX_CURRENCY_DIGITS } from '../../money/currency';

const MAX_NAME = 500;

export class DefineCurrencyDto {
  @Currency()
  code!: string;

  @Whole(0, MAX_CURRENCY_DIGITS, 'Decimal digits of its amounts, for ever')
  digits!: number;

  @Text(1, MAX_NAME)
  name!: string;
}

/** Reading one currency takes no parameters. */
export class CurrencyQuery {}

export class CurrencyListQuery extends PageQuery {}

/** A currency as the API answers it. */
export class CurrencyDto {
  @ApiProperty({ example: 'USD' })
  code!: string;

  @ApiProperty({
    type: 'integer',
    description: 'Decimal digits of its amounts; what the first account of a ledger has it keeps',
  })
  digits!: number;

  @ApiProperty({ example: 'US Dollar' })
  name!: string;

  @ApiProperty({ enum: ['iso', 'own'], description: 'ISO 4217, or defined in this ledger' })
  source!: 'iso' | 'own';

  @ApiProperty({ description: 'False for what ISO has withdrawn; it can be used all the same' })
  active!: boolean;
}
