import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { PageQuery } from '../../http/page';

export class HistoryListQuery extends PageQuery {}

const ANY: ApiPropertyOptions = {
  description: "As the thing's own view has it",
  oneOf: [
    { type: 'string', nullable: true },
    { type: 'number' },
    { type: 'boolean' },
    { type: 'array', items: {} },
    { type: 'object', additionalProperties: true },
  ],
};

/** One field that an event changed; what was not there before is null. */
export class FieldChangeDto {
  @ApiProperty({ example: 'status' })
  field!: string;

  @ApiProperty(ANY)
  before!: unknown;

  @ApiProperty(ANY)
  after!: unknown;
}

/** An event that touched something, with the fields that it changed; it may only name it. */
export class HistoryEventDto {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ example: 'AccountFrozen' })
  type!: string;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;

  @ApiProperty()
  actor!: string;

  @ApiProperty({ type: [FieldChangeDto] })
  changes!: FieldChangeDto[];
}
