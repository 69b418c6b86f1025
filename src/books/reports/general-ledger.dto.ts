import { ApiProperty } from '@nestjs/swagger';
import { AccountGroup } from '../../http/account-fields';
import { AsOfPageQuery } from '../../http/as-of';
import { DateOnly, OneOf } from '../../http/fields';
import { AccountStatementDto } from './statement.dto';

export class GeneralLedgerQuery extends AsOfPageQuery {
  @DateOnly({ optional: true })
  from?: string;

  @DateOnly({ optional: true })
  to?: string;

  @AccountGroup({ optional: true })
  group?: string;

  @OneOf(['json', 'csv'], { optional: true })
  format?: 'json' | 'csv';
}

export class GeneralLedgerDto {
  @ApiProperty({ type: 'integer', description: 'What was known after this event' })
  position!: number;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  from!: string | null;

  @ApiProperty({ type: String, format: 'date', nullable: true })
  to!: string | null;

  @ApiProperty({
    type: [AccountStatementDto],
    description:
      'In the order in which they were opened. One whose entries do not fit on a page stands on ' +
      'the next one again, with the entries that follow.',
  })
  accounts!: AccountStatementDto[];

  @ApiProperty({ type: String, nullable: true, description: 'null: this is the last page' })
  nextCursor!: string | null;
}
