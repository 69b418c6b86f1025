import { ApiProperty } from '@nestjs/swagger';
import type { LastVerification } from './health-parts';

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

  @ApiProperty({
    enum: ['up', 'down'],
    description: 'Whether tasks can be handed over; where they cannot they wait, and nothing else',
  })
  status!: 'up' | 'down';

  @ApiProperty({ enum: ['postgres', 'redis'], description: 'Where tasks are handed over' })
  backend!: 'postgres' | 'redis';

  @ApiProperty({ type: String, nullable: true, description: 'Why it is down' })
  failure!: string | null;
}

/** How it stands with the way to a service outside. */
export class AdapterDto {
  @ApiProperty({ example: 'mailer' })
  name!: string;

  @ApiProperty({
    enum: ['closed', 'open', 'half-open'],
    description: 'closed: in use; open: away, and left alone for a while; half-open: being tried',
  })
  state!: 'closed' | 'open' | 'half-open';

  @ApiProperty({ type: 'integer', description: 'Circuits that are not closed' })
  open!: number;
}

class LastVerificationDto implements LastVerification {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ['passed', 'failed'] })
  status!: LastVerification['status'];

  @ApiProperty({ format: 'date-time' })
  finishedAt!: string;

  @ApiProperty({ type: 'integer' })
  ageSeconds!: number;

  @ApiProperty({ type: 'integer', nullable: true })
  toPosition!: number | null;
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

  @ApiProperty({ type: [AdapterDto], description: 'The ways to the services outside' })
  adapters!: readonly AdapterDto[];

  @ApiProperty({
    type: LastVerificationDto,
    nullable: true,
    description: 'The last one that came to a verdict; one that failed is no reason for a 503',
  })
  lastVerification!: LastVerificationDto | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why writes are refused, if they are' })
  failure!: string | null;
}
