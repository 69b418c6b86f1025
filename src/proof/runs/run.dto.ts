import { ApiProperty } from '@nestjs/swagger';
import { Flag, OneOf, Position, Text } from '../../http/fields';
import { PageQuery } from '../../http/page';
import { REPLAY_STATUSES, RUN_TRIGGERS, VERIFICATION_STATUSES, type RunTrigger } from './run.table';
import type { ReplayView, RunView, SwapBackView, VerificationView } from './run.view';
import {
  ChainDto,
  CheckpointsDto,
  DoomDto,
  LogFindingDto,
  RanOnDto,
  RunTasksDto,
  TableReportDto,
} from './report.dto';

const MAX_REASON = 500;

export class RequestVerificationDto {
  @Position(0, { optional: true, description: 'Default: the end of the log' })
  toPosition?: number;
}

export class RequestReplayDto {
  @Flag('Swap although the rebuilt state differs; needs a reason')
  acceptDifferences?: boolean;

  @Text(1, MAX_REASON, { optional: true })
  reason?: string;
}

/** Aborting takes nothing; an empty object is accepted. */
export class AbortRunDto {}

/** Swapping back takes nothing; an empty object is accepted. */
export class SwapBackDto {}

/** Reading one run takes no parameters. */
export class RunQuery {}

export class VerificationListQuery extends PageQuery {
  @OneOf(VERIFICATION_STATUSES, { optional: true })
  status?: VerificationView['status'];
}

export class ReplayListQuery extends PageQuery {
  @OneOf(REPLAY_STATUSES, { optional: true })
  status?: ReplayView['status'];
}

const nullableTime = { type: String, format: 'date-time', nullable: true } as const;
const nullablePosition = { type: 'integer', nullable: true } as const;

class RunDto implements Omit<RunView, 'status'> {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: RUN_TRIGGERS, description: 'What it was begun by' })
  trigger!: RunTrigger;

  @ApiProperty()
  requestedBy!: string;

  @ApiProperty({ format: 'date-time' })
  requestedAt!: string;

  @ApiProperty(nullableTime)
  startedAt!: string | null;

  @ApiProperty(nullableTime)
  finishedAt!: string | null;

  @ApiProperty({ ...nullablePosition, description: 'Up to where the state is rebuilt' })
  toPosition!: number | null;

  @ApiProperty({ ...nullablePosition, description: 'Where the log ends, as far as the run knows' })
  head!: number | null;

  @ApiProperty({ type: 'integer', description: 'Events that were materialized' })
  processed!: number;

  @ApiProperty({ type: 'integer' })
  eventsPerSecond!: number;

  @ApiProperty({ description: 'It stops as soon as it can' })
  abortRequested!: boolean;

  @ApiProperty()
  chain!: ChainDto;

  @ApiProperty({ type: [LogFindingDto], description: 'What is wrong with the log itself' })
  log!: RunView['log'];

  @ApiProperty({ type: [TableReportDto] })
  tables!: RunView['tables'];

  @ApiProperty({ type: RunTasksDto })
  tasks!: RunView['tasks'];

  @ApiProperty({ type: DoomDto, nullable: true, description: 'Event that cannot be applied' })
  doom!: RunView['doom'];

  @ApiProperty({ type: RanOnDto, nullable: true })
  ranOn!: RunView['ranOn'];

  @ApiProperty({ type: 'integer', nullable: true, description: 'Memory that its process held' })
  peakMib!: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why there is no report' })
  error!: string | null;
}

export class VerificationDto extends RunDto implements VerificationView {
  @ApiProperty({ enum: VERIFICATION_STATUSES })
  status!: VerificationView['status'];

  @ApiProperty({ type: CheckpointsDto, nullable: true, description: 'null: there were none' })
  checkpoints!: VerificationView['checkpoints'];
}

export class ReplayDto extends RunDto implements ReplayView {
  @ApiProperty({ enum: REPLAY_STATUSES, description: 'swapped: the state is the rebuilt one' })
  status!: ReplayView['status'];

  @ApiProperty()
  acceptDifferences!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Why differences are accepted' })
  reason!: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'How long writers were held, in ms' })
  swapMs!: number | null;
}

export class SwappedBackDto implements SwapBackView {
  @ApiProperty({ type: 'integer', description: 'Position of the last event of the state' })
  position!: number;

  @ApiProperty({ description: 'Hash of that event' })
  hash!: string;
}
