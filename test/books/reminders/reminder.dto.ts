import { ApiProperty } from '@nestjs/swagger';
import { field, Text, textRule } from '../../../src/http/fields';
import { readInstant } from '../../../src/money/instant';

export class SetReminderDto {
  @Text(1, 100)
  text!: string;

  @field(
    textRule('instant', (text) => readInstant(text) !== undefined, 'must be an RFC 3339 time'),
    { type: 'string', format: 'date-time' },
  )
  dueAt!: string;
}

export class NewReminderDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;
}

export class ReminderDto extends NewReminderDto {
  @ApiProperty()
  text!: string;

  @ApiProperty({ enum: ['set', 'rung'] })
  status!: 'set' | 'rung';
}

export class RemindersDto {
  @ApiProperty({ type: [ReminderDto] })
  data!: ReminderDto[];
}
