import type { LastVerdict, RunFeed } from './run-feed';
import { VerificationMeasurement } from './run.measurements';

const LAST: LastVerdict = {
  id: '01a1fc62-0000-7000-8000-000000000001',
  status: 'failed',
  finishedAt: new Date(Date.now() - 90_000).toISOString(),
  durationMs: 2_500,
  toPosition: 1_000,
  processed: 990,
  eventsPerSecond: 396,
  differingRows: 3,
  missingTasks: 1,
  extraTasks: 2,
};

async function measured(last: LastVerdict | null): Promise<Record<string, number>> {
  const feed = { lastVerification: () => Promise.resolve(last) } as RunFeed;
  const samples = await new VerificationMeasurement(feed).read();
  return Object.fromEntries(
    samples.map(({ metric, value }) => [metric.replace('truebook_verification_', ''), value]),
  );
}

describe('what is measured of the last verification', () => {
  it('is its verdict and its numbers', async () => {
    const { age_seconds, ...rest } = await measured(LAST);
    expect(rest).toEqual({
      passed: 0,
      finished_timestamp_seconds: Date.parse(LAST.finishedAt) / 1000,
      duration_seconds: 2.5,
      events: 990,
      events_per_second: 396,
      differing_rows: 3,
      tasks_missing: 1,
      tasks_extra: 2,
    });
    expect(age_seconds).toBeGreaterThanOrEqual(90);
    const secondsAgo = (Date.now() - Date.parse(LAST.finishedAt)) / 1000;
    expect(age_seconds).toBeLessThanOrEqual(secondsAgo + 1);
    expect(await measured({ ...LAST, status: 'passed' })).toMatchObject({ passed: 1 });
  });

  it('leaves out what its report does not have, and all where there was none', async () => {
    const { differing_rows, events } = await measured({ ...LAST, differingRows: null });
    expect({ differing_rows, events }).toEqual({ differing_rows: undefined, events: 990 });
    expect(await measured(null)).toEqual({});
  });
});
