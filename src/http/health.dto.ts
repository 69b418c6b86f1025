import { ApiProperty } from '@nestjs/swagger';

/** The process answers. */
export class LiveDto {
  @ApiProperty({ enum: ['ok'] })
  status!: 'ok';
}

class DatabasesDto {
  @ApiProperty({ enum: ['up', 'down'] })
  log!: 'up' | 'down';

  @ApiProperty({ enum: ['up', 'down'] })
  state!: 'up' | 'down';
}

class QueueDto {
  @ApiProperty({ type: 'integer', description: 'Commands that wait to be written' })
  waiting!: number;

  @ApiProperty({ type: 'integer', description: 'One more than this is refused' })
  limit!: number;
}

/** Whether the ledger can be used, and how far it is. */
export class ReadyDto {
  @ApiProperty({ enum: ['ready', 'unavailable'] })
  status!: 'ready' | 'unavailable';

  @ApiProperty({ type: 'integer', nullable: true })
  logPosition!: number | null;

  @ApiProperty({ type: 'integer', nullable: true })
  statePosition!: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Events that the state is behind' })
  lag!: number | null;

  @ApiProperty()
  databases!: DatabasesDto;

  @ApiProperty()
  queue!: QueueDto;

  @ApiProperty({ type: Object, nullable: true })
  lastVerification!: null;

  @ApiProperty({ type: String, nullable: true, description: 'Why writes are refused, if they are' })
  failure!: string | null;
}
