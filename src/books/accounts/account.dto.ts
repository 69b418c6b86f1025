import { ApiProperty } from '@nestjs/swagger';
import { AccountGroup, SignedAmount } from '../../http/account-fields';
import { AsOfPageQuery, AsOfQuery } from '../../http/as-of';
import { ClientId, Currency, DateOnly, Metadata, OneOf, Text } from '../../http/fields';
import { MetadataFilter } from '../../http/metadata-filter';
import { Words } from '../search/search.dto';
import { ACCOUNT_TYPES, FROZEN_SIDES, type AccountType, type FrozenSide } from './account.events';

const MAX_NAME = 500;
const MAX_REASON = 500;

export class OpenAccountDto {
  @ClientId()
  clientId?: string;

  @Text(1, MAX_NAME)
  name!: string;

  @OneOf(ACCOUNT_TYPES)
  type!: AccountType;

  @Currency()
  currency!: string;

  @SignedAmount({ optional: true, nullable: true })
  minBalance?: string | null;

  @SignedAmount({ optional: true, nullable: true })
  maxBalance?: string | null;

  @AccountGroup({ optional: true, nullable: true })
  group?: string | null;

  @Metadata()
  metadata?: Record<string, string>;
}

/** What is left out stays as it is. */
export class ChangeAccountDto {
  @Text(1, MAX_NAME, { optional: true })
  name?: string;

  @Metadata()
  metadata?: Record<string, string>;

  @SignedAmount({ optional: true, nullable: true })
  minBalance?: string | null;

  @SignedAmount({ optional: true, nullable: true })
  maxBalance?: string | null;

  @AccountGroup({ optional: true, nullable: true })
  group?: string | null;
}

export class FreezeAccountDto {
  @OneOf(FROZEN_SIDES)
  side!: FrozenSide;

  @Text(1, MAX_REASON)
  reason!: string;
}

/** Of what needs nothing but a reason: to unfreeze an account, and to open it again. */
export class AccountReasonDto {
  @Text(1, MAX_REASON)
  reason!: string;
}

/** Closing takes nothing; an empty object is accepted. */
export class CloseAccountDto {}

export class AccountQuery extends AsOfQuery {
  @DateOnly({ optional: true })
  asOf?: string;
}

export class AccountListQuery extends AsOfPageQuery {
  @OneOf(ACCOUNT_TYPES, { optional: true })
  type?: AccountType;

  @Currency({ optional: true })
  currency?: string;

  @OneOf(['open', 'closed'], { optional: true })
  status?: 'open' | 'closed';

  @AccountGroup({ optional: true })
  group?: string;

  @ClientId()
  clientId?: string;

  @Words()
  q?: string;

  @MetadataFilter()
  'metadata[]'?: string;
}

export class EntryListQuery extends AsOfPageQuery {
  @DateOnly({ optional: true })
  from?: string;

  @DateOnly({ optional: true })
  to?: string;
}

const nullableText = { type: String, nullable: true } as const;

/** An account as the API answers it. */
export class AccountDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty(nullableText)
  clientId!: string | null;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: ACCOUNT_TYPES })
  type!: AccountType;

  @ApiProperty({ enum: ['debit', 'credit'], description: 'The side on which the balance grows' })
  normalSide!: 'debit' | 'credit';

  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ ...nullableText, example: 'liabilities:customers' })
  group!: string | null;

  @ApiProperty({ enum: ['open', 'closed'] })
  status!: 'open' | 'closed';

  @ApiProperty({
    type: String,
    enum: [...FROZEN_SIDES, null],
    nullable: true,
    description: 'The side that nothing may be posted to',
  })
  frozen!: FrozenSide | null;

  @ApiProperty({ example: '100.50', description: "Signed on the account's normal side" })
  balance!: string;

  @ApiProperty({ example: '150.50', description: 'Sum of all debits' })
  debits!: string;

  @ApiProperty({ example: '50.00', description: 'Sum of all credits' })
  credits!: string;

  @ApiProperty({ example: '0.00', description: 'Debits that open holds reserve' })
  pendingDebits!: string;

  @ApiProperty({ example: '0.00', description: 'Credits that open holds reserve' })
  pendingCredits!: string;

  @ApiProperty({ example: '100.50', description: 'The balance less all that holds may take' })
  available!: string;

  @ApiProperty(nullableText)
  minBalance!: string | null;

  @ApiProperty(nullableText)
  maxBalance!: string | null;

  @ApiProperty({ type: 'integer', description: 'Grows with every change of the account' })
  version!: number;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  metadata!: Record<string, string>;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the last event that changed it' })
  position!: number;
}

/** One posting on an account's statement. */
export class EntryDto {
  @ApiProperty({ format: 'uuid' })
  transactionId!: string;

  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'date' })
  effectiveDate!: string;

  @ApiProperty({ enum: ['debit', 'credit'] })
  direction!: 'debit' | 'credit';

  @ApiProperty({ example: '10.00' })
  amount!: string;

  @ApiProperty({ example: '110.50', description: "The account's balance after this posting" })
  balanceAfter!: string;

  @ApiProperty()
  description!: string;
}
