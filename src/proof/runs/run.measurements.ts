import { Injectable } from '@nestjs/common';
import type { Measurement, Sample } from '../../engine/define/measurement';
import { secondsSince } from '../../http/health';
import { RunFeed, type LastVerdict } from './run-feed';

/** What is measured of the last verification that came to a verdict. */
const GAUGES: readonly {
  readonly name: string;
  readonly help: string;
  readonly of: (last: LastVerdict) => number | null;
}[] = [
  {
    name: 'truebook_verification_passed',
    help: '1 where the last verification passed, 0 where it failed',
    of: ({ status }) => (status === 'passed' ? 1 : 0),
  },
  {
    name: 'truebook_verification_finished_timestamp_seconds',
    help: 'When the last verification ended, in seconds since 1970',
    of: ({ finishedAt }) => Date.parse(finishedAt) / 1000,
  },
  {
    name: 'truebook_verification_age_seconds',
    help: 'Time since the last verification ended',
    of: ({ finishedAt }) => secondsSince(finishedAt),
  },
  {
    name: 'truebook_verification_duration_seconds',
    help: 'How long the last verification took',
    of: ({ durationMs }) => durationMs / 1000,
  },
  {
    name: 'truebook_verification_events',
    help: 'Events that the last verification materialized',
    of: ({ processed }) => processed,
  },
  {
    name: 'truebook_verification_events_per_second',
    help: 'Speed of the last verification',
    of: ({ eventsPerSecond }) => eventsPerSecond,
  },
  {
    name: 'truebook_verification_differing_rows',
    help: 'Rows of the live state that the last verification found missing, extra or changed',
    of: ({ differingRows }) => differingRows,
  },
  {
    name: 'truebook_verification_tasks_missing',
    help: 'Recorded tasks that the last verification found not to be asked for',
    of: ({ missingTasks }) => missingTasks,
  },
  {
    name: 'truebook_verification_tasks_extra',
    help: 'Tasks that the last verification found asked for and not recorded',
    of: ({ extraTasks }) => extraTasks,
  },
];

/** One question to the database for all of them; a gauge without an answer is left out. */
@Injectable()
export class VerificationMeasurement implements Measurement {
  readonly metrics = GAUGES;

  constructor(private readonly feed: RunFeed) {}

  async read(): Promise<Sample[]> {
    const last = await this.feed.lastVerification();
    if (!last) return [];
    return GAUGES.map(({ name, of }) => ({ metric: name, value: of(last) })).filter(
      (sample): sample is Sample => sample.value !== null,
    );
  }
}
