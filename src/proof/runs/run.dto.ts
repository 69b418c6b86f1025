import { ApiProperty } from '@nestjs/swagger';
import { Flag, OneOf, Position, Text } from '../../http/fields';
import { PageQuery } from '../../http/page';
import type { TaskReport } from '../../engine/catch-up/task-comparison';
import type { CheckpointsReport } from '../checkpoints/verify-checkpoints';
import type { Doom, LogFinding, RanOn, TableReport } from '../replay/report';
import { REPLAY_STATUSES, RUN_TRIGGERS, VERIFICATION_STATUSES } from './run.table';
import type { ReplayStatus, RunStatus, RunTrigger, VerificationStatus } from './run.table';
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
  status?: VerificationStatus;
}

export class ReplayListQuery extends PageQuery {
  @OneOf(REPLAY_STATUSES, { optional: true })
  status?: ReplayStatus;
}

const nullableTime = { type: String, format: 'date-time', nullable: true } as const;
const nullablePosition = { type: 'integer', nullable: true } as const;

/** A verification or a replay, at any time of its life. */
export abstract class RunDto {
  /** Which there are, the kind of the run says. */
  abstract status: RunStatus;

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
  log!: readonly LogFinding[];

  @ApiProperty({ type: [TableReportDto] })
  tables!: readonly TableReport[];

  @ApiProperty({ type: RunTasksDto })
  tasks!: TaskReport;

  @ApiProperty({ type: DoomDto, nullable: true, description: 'Event that cannot be applied' })
  doom!: Doom | null;

  @ApiProperty({ type: RanOnDto, nullable: true })
  ranOn!: RanOn | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Memory that its process held' })
  peakMib!: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why there is no report' })
  error!: string | null;
}

export class VerificationDto extends RunDto {
  @ApiProperty({ enum: VERIFICATION_STATUSES })
  status!: VerificationStatus;

  @ApiProperty({ type: CheckpointsDto, nullable: true, description: 'null: there were none' })
  checkpoints!: CheckpointsReport | null;
}

export class ReplayDto extends RunDto {
  @ApiProperty({ enum: REPLAY_STATUSES, description: 'swapped: the state is the rebuilt one' })
  status!: ReplayStatus;

  @ApiProperty()
  acceptDifferences!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Why differences are accepted' })
  reason!: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'How long writers were held, in ms' })
  swapMs!: number | null;
}

/** The head of the state that was put in its place again. */
export class SwappedBackDto {
  @ApiProperty({ type: 'integer', description: 'Position of the last event of the state' })
  position!: number;

  @ApiProperty({ description: 'Hash of that event' })
  hash!: string;
}
