import type { Kysely } from 'kysely';
import { recordRun, type RunProgress } from '../../../src/proof/runs/run-recorder';
import { openRunDatabase } from '../../../src/proof/runs/run.queries';
import type { RunDatabase } from '../../../src/proof/runs/run.table';
import { RunInProgress } from '../../../src/proof/replay/rebuild';
import { query } from '../../harness/cluster';
import { TEST_LIMITS } from '../../harness/ledger';
import { startTestService, type TestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { PretendedWork } from './pretended-work';
import { apisOf, startWithPretendedWork } from './run-service';

const SCRIPT = { kind: 'verification', trigger: 'script', requestedBy: 'npm run verify' } as const;
const BEAT = { beatMs: 50 };

/** Leaves seconds for what has to happen before the end of a run is tried for the last time. */
const SLOW_BEAT = { beatMs: 300 };

describe('a run of a script', () => {
  it('is seen, followed and aborted like any other', async () => {
    const { service, verifications, work: other } = await startWithPretendedWork();
    const db = databaseOf(service);
    const work = new PretendedWork();
    const verify = (progress: RunProgress) => work.verify(progress);
    const ended = recordRun(db, { ...SCRIPT, toPosition: 4 }, verify, BEAT);
    const run = await waitFor('the run to begin', () => work.runs[0]);
    run.options.onProgress(3, 4);
    const [shown] = await waitFor('its progress', async () => {
      const { data } = await verifications.list();
      return data[0]?.processed === 3 && data;
    });
    expect(shown).toMatchObject({
      status: 'running',
      trigger: 'script',
      requestedBy: 'npm run verify',
      toPosition: 4,
    });
    // One at a time, whoever does it.
    const queued = await verifications.request();
    await verifications.abort(shown!.id);
    expect(await ended).toMatchObject({ status: 'aborted' });
    expect(await verifications.read(shown!.id)).toMatchObject({
      status: 'aborted',
      error: 'An administrator aborted it',
      chain: { ok: true },
    });
    await waitFor('the next run', () => other.runs[0]);
    expect(await verifications.read(queued.body.id)).toMatchObject({ status: 'running' });
  });

  it('is recorded with what it threw', async () => {
    const service = await startTestService();
    const { replays } = apisOf(service);
    const db = databaseOf(service);
    const replay = { ...SCRIPT, kind: 'replay', acceptReason: 'why not' } as const;
    for (const error of [new Error('no space left'), new RunInProgress()]) {
      await expect(recordRun(db, replay, () => Promise.reject(error), BEAT)).rejects.toBe(error);
    }
    expect((await replays.list()).data).toMatchObject([
      { status: 'failed', error: 'It ended with an error; the log has it', reason: 'why not' },
      { status: 'aborted', error: 'Another verification or replay is under way' },
    ]);
  });

  it('is running again where it was given up for dead and is not', async () => {
    const service = await startTestService();
    const { verifications } = apisOf(service);
    const db = databaseOf(service);
    const work = new PretendedWork();
    const verify = (progress: RunProgress) => work.verify(progress);
    const ended = recordRun(db, SCRIPT, verify, BEAT);
    const run = await waitFor('the run to begin', () => work.runs[0]);
    const { id } = (await verifications.list()).data[0]!;
    await query(
      service.databases.superUrls.log,
      "update runs set status = 'aborted', finished_at = now(), error = 'Its process ended'",
    );
    const alive = await verifications.becomes(id, 'running');
    expect(alive).toMatchObject({ finishedAt: null, error: null });
    run.end();
    await ended;
    expect(await verifications.read(id)).toMatchObject({ status: 'passed', error: null });
  });

  it('is written down although the log database was away when it ended', async () => {
    const service = await startTestService();
    const { verifications } = apisOf(service);
    const db = databaseOf(service);
    const work = new PretendedWork();
    const verify = (progress: RunProgress) => work.verify(progress);
    const errors: unknown[] = [];
    const options = { ...SLOW_BEAT, onError: (error: unknown) => void errors.push(error) };
    const ended = recordRun(db, SCRIPT, verify, options);
    const run = await waitFor('the run to begin', () => work.runs[0]);
    const { superUrls } = service.databases;
    await query(superUrls.log, 'revoke update on runs from truebook_run_recorder');
    await waitFor('a heartbeat to fail', () => errors.length > 0);
    run.end();
    await waitFor('the end to be tried', () => work.underWay === 0);
    await query(superUrls.log, 'grant update on runs to truebook_run_recorder');
    await ended;
    expect((await verifications.list()).data).toMatchObject([{ status: 'passed' }]);
  });

  it('has no verdict where that could not be written', async () => {
    const service = await startTestService();
    const { verifications } = apisOf(service);
    const db = databaseOf(service);
    const work = new PretendedWork();
    const ended = recordRun(db, SCRIPT, (progress) => work.verify(progress), { beatMs: 1 });
    const run = await waitFor('the run to begin', () => work.runs[0]);
    await query(service.databases.superUrls.log, "alter table runs add check (status <> 'passed')");
    run.end();
    await expect(ended).rejects.toThrow('check constraint');
    expect((await verifications.list()).data).toMatchObject([
      { status: 'aborted', error: 'Its report could not be written; the log says why' },
    ]);
  });
});

function databaseOf(service: TestService): Kysely<RunDatabase> {
  const db = openRunDatabase(service.urls.log, TEST_LIMITS, () => undefined);
  service.databases.onEnd(() => db.destroy());
  return db;
}
