import { ApiProperty } from '@nestjs/swagger';
import type { CheckpointsReport } from '../checkpoints/verify-checkpoints';
import type { TaskDifference, TaskReport } from '../../engine/catch-up/task-comparison';
import type { Doom, EventSummary, LogFinding, RanOn, Sample, TableReport } from '../replay/report';

const nullableText = { type: String, nullable: true } as const;
const nullablePosition = { type: 'integer', nullable: true } as const;
const count = { type: 'integer' } as const;

const LOG_FINDINGS: readonly LogFinding['kind'][] = [
  'event_changed',
  'log_cut_short',
  'log_restored',
  'log_rewritten',
  'state_behind',
  'guard_missing',
  'seal_broken',
];

/** Whether the hash chain is whole; `ok` is null as long as nobody knows. */
export class ChainDto {
  @ApiProperty({ type: Boolean, nullable: true, description: 'null: not known' })
  ok!: boolean | null;

  @ApiProperty(nullablePosition)
  brokenAt!: number | null;
}

export class LogFindingDto implements LogFinding {
  @ApiProperty({ enum: LOG_FINDINGS })
  kind!: LogFinding['kind'];

  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty()
  detail!: string;
}

class SampleDto implements Sample {
  @ApiProperty({ example: 'account_no=17' })
  key!: string;

  @ApiProperty({ ...nullableText, description: 'null: the whole row' })
  column!: string | null;

  @ApiProperty(nullableText)
  live!: string | null;

  @ApiProperty(nullableText)
  rebuilt!: string | null;
}

export class TableReportDto implements TableReport {
  @ApiProperty({ example: 'accounts' })
  table!: string;

  @ApiProperty(count)
  liveRows!: number;

  @ApiProperty(count)
  rebuiltRows!: number;

  @ApiProperty({ ...count, description: 'Rows that the live state lacks' })
  missing!: number;

  @ApiProperty({ ...count, description: 'Rows that only the live state has' })
  extra!: number;

  @ApiProperty({ ...count, description: 'Rows with other values' })
  changed!: number;

  @ApiProperty({ ...nullablePosition, description: 'The first event after which they part' })
  firstDivergingPosition!: number | null;

  @ApiProperty({ type: [SampleDto] })
  samples!: readonly Sample[];
}

class TaskDifferenceDto implements TaskDifference {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ type: 'integer' })
  ordinal!: number;

  @ApiProperty({ enum: ['missing', 'extra'] })
  kind!: TaskDifference['kind'];

  @ApiProperty()
  name!: string;
}

export class RunTasksDto implements TaskReport {
  @ApiProperty(count)
  matched!: number;

  @ApiProperty({ ...count, description: 'Recorded, and not asked for again' })
  missing!: number;

  @ApiProperty({ ...count, description: 'Asked for, and not recorded' })
  extra!: number;

  @ApiProperty({ ...count, description: 'Other than recorded because of an amendment' })
  amended!: number;

  @ApiProperty({ type: 'integer', enum: [0], description: 'Nothing is ever sent' })
  executed!: 0;

  @ApiProperty(nullablePosition)
  firstDifference!: number | null;

  @ApiProperty({ type: [TaskDifferenceDto] })
  samples!: readonly TaskDifference[];
}

class EventSummaryDto implements EventSummary {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty()
  type!: string;

  @ApiProperty({ type: 'integer' })
  version!: number;

  @ApiProperty({ format: 'date-time' })
  recordedAt!: string;
}

export class DoomDto implements Doom {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty()
  type!: string;

  @ApiProperty()
  error!: string;

  @ApiProperty({ type: [EventSummaryDto], description: 'The events around it' })
  neighbours!: readonly EventSummary[];
}

class HeadDto {
  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty()
  hash!: string;
}

export class RanOnDto implements RanOn {
  @ApiProperty()
  codeVersion!: string;

  @ApiProperty()
  materializersVersion!: string;

  @ApiProperty({ ...nullableText, description: 'That built the live state' })
  stateMaterializersVersion!: string | null;

  @ApiProperty({ type: HeadDto })
  logHead!: HeadDto;

  @ApiProperty({ type: HeadDto })
  stateHead!: HeadDto;
}

class NewestCheckpointDto {
  @ApiProperty()
  name!: string;

  @ApiProperty({ type: 'integer' })
  position!: number;

  @ApiProperty({ format: 'date-time' })
  time!: string;
}

class CheckpointProblemDto {
  @ApiProperty()
  name!: string;

  @ApiProperty()
  problem!: string;
}

export class CheckpointsDto implements CheckpointsReport {
  @ApiProperty({ description: 'Where they are' })
  location!: string;

  @ApiProperty({ ...count, description: 'Checkpoints that trusted keys signed' })
  read!: number;

  @ApiProperty({ ...count, description: 'Those of them that the log agrees with' })
  agreed!: number;

  @ApiProperty({ type: NewestCheckpointDto, nullable: true })
  newestAgreed!: CheckpointsReport['newestAgreed'];

  @ApiProperty({ type: [CheckpointProblemDto], description: 'The first few' })
  problems!: CheckpointsReport['problems'];

  @ApiProperty(count)
  problemCount!: number;

  @ApiProperty({ type: [LogFindingDto], description: 'Where the log disagrees with them' })
  log!: readonly LogFinding[];
}
