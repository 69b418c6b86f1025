import { ApiProperty } from '@nestjs/swagger';
import { AsOfQuery } from '../../http/as-of';
import { DateOnly, Reference } from '../../http/fields';
import { HoldDto } from '../holds/hold.dto';
import { ScheduledTransactionDto } from '../schedules/schedule.dto';

export class BalanceExplanationQuery extends AsOfQuery {
  @Reference()
  accountId!: string;

  @DateOnly({ optional: true })
  asOf?: string;
}

/** One entry that a balance rests on; its amount is signed on the account's normal side. */
export class ExplainedEntryDto {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ example: '-12.50' })
  amount!: string;

  @ApiProperty({ format: 'uuid' })
  transactionId!: string;
}

/** What a balance rests on, and what would change it. */
export class BalanceExplanationDto {
  @ApiProperty({ description: 'What the entries that count add up to, on the normal side' })
  balance!: string;

  @ApiProperty({ description: 'The balance less what the holds of then may take from it' })
  available!: string;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  asOf!: string | null;

  @ApiProperty({ type: 'integer', description: 'The last event that counts' })
  position!: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'How many entries count; null: more than 10,000',
  })
  entries!: number | null;

  @ApiProperty({ type: [ExplainedEntryDto], description: 'The first of them, by position' })
  firstEntries!: ExplainedEntryDto[];

  @ApiProperty({ type: [ExplainedEntryDto], description: 'The last of them, newest last' })
  lastEntries!: ExplainedEntryDto[];

  @ApiProperty({ type: [HoldDto], description: 'Those that are open now' })
  holds!: HoldDto[];

  @ApiProperty({ type: [ScheduledTransactionDto], description: 'Those that are to be posted now' })
  scheduled!: ScheduledTransactionDto[];
}
