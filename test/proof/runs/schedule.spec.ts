import type { Schedule } from '../../../src/engine/define/schedule';
import { CheckpointSchedule } from '../../../src/proof/checkpoints/checkpoint.schedule';
import type { Run } from '../../../src/proof/runs/run.queries';
import { query } from '../../harness/cluster';
import { startTestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { startWithPretendedWork, withTimings, withWork } from './run-service';

const EACH_SECOND = { env: { VERIFY_SCHEDULE: '* * * * * *' } };

describe('the nightly verification', () => {
  it('is made once for each time and one at a time, by two services', async () => {
    const { service, verifications, work } = await startWithPretendedWork(EACH_SECOND);
    const { databases } = service;
    const replace = [withWork(work), withTimings()];
    await startTestService({ databases, runs: true, replace, ...EACH_SECOND });
    const first = await waitFor('the first one', () => work.runs[0]);
    const all = () => query<Run>(databases.urls.log, 'select * from runs order by run_no');
    // While it runs the times pass without another one.
    const { scheduled_for: at } = (await all())[0]!;
    await waitFor('three more times', () => Date.now() > Date.parse(at!) + 3_500);
    expect(await all()).toHaveLength(1);
    first.end();
    for (let number = 2; number <= 4; number++) {
      (await waitFor('the next one', () => work.runs[number - 1])).end();
    }
    await waitFor('the last one to end', () => work.underWay === 0);
    expect(work.mostAtOnce).toBe(1);
    const made = await all();
    const times = made.map((run) => Date.parse(run.scheduled_for!));
    expect(new Set(times).size).toBe(times.length);
    expect(times.every((time) => time % 1_000 === 0)).toBe(true);
    const [shown] = (await verifications.list()).data;
    expect(shown).toMatchObject({ trigger: 'schedule', requestedBy: 'schedule' });
  });

  it('writes checkpoints too', async () => {
    let checkpoints = 0;
    const schedule: Schedule = {
      name: 'checkpoint',
      pattern: '* * * * * *',
      run: () => Promise.resolve(void checkpoints++),
    };
    const replace = [{ provide: CheckpointSchedule, useValue: schedule }];
    await startTestService({ runs: true, replace });
    await waitFor('two checkpoints', () => checkpoints >= 2);
  });
});
