import { ApiProperty } from '@nestjs/swagger';
import { ACCOUNT_TYPES, type AccountType } from '../../books/accounts/account.events';
import { PositionText } from '../../http/fields';
import { PageQuery } from '../../http/page';

/** A range of events: after `from`, up to and with `to`. */
export class DiffQuery extends PageQuery {
  @PositionText(0, {})
  from!: string;

  @PositionText(0)
  to?: string;
}

/** An account's totals as of a position. */
export class AccountTotalsDto {
  @ApiProperty({ enum: ['open', 'closed'] })
  status!: 'open' | 'closed';

  @ApiProperty({ example: '100.50', description: "Signed on the account's normal side" })
  balance!: string;

  @ApiProperty({ example: '150.50', description: 'Sum of all debits' })
  debits!: string;

  @ApiProperty({ example: '50.00', description: 'Sum of all credits' })
  credits!: string;

  @ApiProperty({ type: 'integer' })
  version!: number;

  @ApiProperty({ type: 'integer', description: 'Position of the last event that changed it' })
  position!: number;
}

/** An event by what it did to one account. */
export class AccountChangeDto {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ example: 'TransactionPosted' })
  type!: string;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'null: it is no posting',
  })
  transactionId!: string | null;

  @ApiProperty({ example: '10.00', description: 'What it debited to this account' })
  debits!: string;

  @ApiProperty({ example: '0.00', description: 'What it credited to this account' })
  credits!: string;
}

/** What a range of events made of an account. */
export class AccountDiffDto {
  @ApiProperty({ format: 'uuid' })
  accountId!: string;

  @ApiProperty({ type: String, nullable: true })
  clientId!: string | null;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: ACCOUNT_TYPES })
  type!: AccountType;

  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ description: 'Whether it was opened in the range' })
  opened!: boolean;

  @ApiProperty({ description: 'Whether it was closed in the range' })
  closed!: boolean;

  @ApiProperty({ example: '-10.00', description: "Signed on the account's normal side" })
  balanceChange!: string;

  @ApiProperty({
    type: 'integer',
    description: 'The opening, every posting, and every other change',
  })
  changes!: number;

  @ApiProperty({ type: AccountTotalsDto, nullable: true, description: 'null: it was not open yet' })
  before!: AccountTotalsDto | null;

  @ApiProperty({ type: AccountTotalsDto })
  after!: AccountTotalsDto;

  @ApiProperty({ type: [AccountChangeDto], description: 'The first events that changed it' })
  events!: AccountChangeDto[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Cursor of the further events at /v1/diff/{id}/events; null: there are none',
  })
  nextEventsCursor!: string | null;
}

export class DiffDto {
  @ApiProperty({ type: 'integer' })
  from!: number;

  @ApiProperty({ type: 'integer' })
  to!: number;

  @ApiProperty({
    type: [AccountDiffDto],
    description: 'In the order in which they were opened; may be fewer than the limit, or none',
  })
  data!: AccountDiffDto[];

  @ApiProperty({ type: String, nullable: true, description: 'null: this is the last page' })
  nextCursor!: string | null;
}
