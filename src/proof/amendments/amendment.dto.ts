import { ApiProperty } from '@nestjs/swagger';
import { RunTasksDto, TableReportDto } from '../runs/report.dto';
import { AnyObject, ListOf, Position, Text } from '../../http/fields';
import { PageQuery } from '../../http/page';

const MAX_REASON = 500;
/** Events that are amended together. */
const MAX_ALSO = 100;
const DATA = { type: 'object', additionalProperties: true } as const;
const WANTED = "In the current version of the event's type";

class AlsoAmendDto {
  @Position(1)
  position!: number;

  @AnyObject(WANTED)
  data!: object;
}

export class AmendEventDto {
  @AnyObject(WANTED)
  data!: object;

  @Text(1, MAX_REASON)
  reason!: string;

  @ListOf(() => AlsoAmendDto, 0, MAX_ALSO, {
    optional: true,
    description: 'More events, where none can be materialized without the others being amended',
  })
  also?: AlsoAmendDto[];
}

export class RestoreEventDto {
  @Text(1, MAX_REASON)
  reason!: string;
}

export class EventBackupListQuery extends PageQuery {}

/** An event with its data as it is after an amendment; in a dry run no event says so. */
export class AmendedEventDto {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ example: 'TransactionPosted' })
  type!: string;

  @ApiProperty({ type: 'integer' })
  version!: number;

  @ApiProperty(DATA)
  data!: object;

  @ApiProperty({ type: 'integer', description: 'Which amendment of the event this is, from 1' })
  amendment!: number;

  @ApiProperty({ type: 'integer', description: 'Version in which it was stored before' })
  fromVersion!: number;

  @ApiProperty({ description: 'SHA-256 of type, version and data before, in hex' })
  originalDigest!: string;

  @ApiProperty({ description: 'The same of what they are now' })
  dataDigest!: string;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The event that says so' })
  amendedAtPosition!: number | null;
}

/** What an amendment changes in the state, and in what events ask for. */
export class AmendmentDifferencesDto {
  @ApiProperty({ type: [TableReportDto], description: 'Tables that differ from before' })
  tables!: readonly TableReportDto[];

  @ApiProperty({ type: RunTasksDto, description: 'What events ask for now; nothing is sent' })
  tasks!: RunTasksDto;
}

/** What came of an amendment, and of those of the same step. */
export class AmendmentDto extends AmendedEventDto {
  @ApiProperty()
  reason!: string;

  @ApiProperty()
  amendedBy!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  amendedAt!: string | null;

  @ApiProperty({ type: [AmendedEventDto] })
  also!: AmendedEventDto[];

  @ApiProperty({ type: AmendmentDifferencesDto })
  differences!: AmendmentDifferencesDto;
}

/** An event as it was before one of its amendments. */
export class EventBackupDto {
  @ApiProperty({ type: 'integer', description: 'Of the amended event' })
  position!: number;

  @ApiProperty({ type: 'integer', description: 'Which amendment of the event made the backup' })
  amendment!: number;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ example: 'TransactionPosted' })
  type!: string;

  @ApiProperty({ type: 'integer' })
  version!: number;

  @ApiProperty({ ...DATA, description: 'As it was before the amendment' })
  data!: object;

  @ApiProperty({ format: 'date-time' })
  amendedAt!: string;

  @ApiProperty()
  amendedBy!: string;

  @ApiProperty()
  reason!: string;

  @ApiProperty({ type: 'integer', description: 'The event that says so' })
  amendedAtPosition!: number;
}
