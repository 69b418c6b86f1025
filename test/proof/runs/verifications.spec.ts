import { query } from '../../harness/cluster';
import { startTestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { apisOf, openAccounts, startWithPretendedWork, withTimings, withWork } from './run-service';

const EMPTY = {
  chain: { ok: null, brokenAt: null },
  log: [],
  tables: [],
  tasks: {
    matched: 0,
    missing: 0,
    extra: 0,
    amended: 0,
    executed: 0,
    firstDifference: null,
    samples: [],
  },
  doom: null,
  ranOn: null,
  error: null,
};

describe('a verification that is asked for', () => {
  it('is queued, runs, and is kept with its report', async () => {
    const { service, verifications, begun } = await startWithPretendedWork();
    const head = await openAccounts(service, 3);
    const { status, body, headers } = await verifications.request();
    expect(status).toBe(202);
    expect(headers.get('ledger-position')).toBe(String(head));
    expect(body).toMatchObject({
      ...EMPTY,
      status: 'queued',
      trigger: 'api',
      requestedBy: 'admin',
      toPosition: null,
      processed: 0,
      eventsPerSecond: 0,
      startedAt: null,
      finishedAt: null,
    });
    const run = await begun();
    expect(run.options.toPosition).toBeUndefined();
    run.options.onProgress(4, 10);
    const running = await waitFor('the progress to be written', async () => {
      const now = await verifications.read(body.id);
      return now.processed === 4 && now;
    });
    expect(running).toMatchObject({ ...EMPTY, status: 'running', head: 10, finishedAt: null });
    expect(running.startedAt).not.toBeNull();
    run.end();
    const passed = await verifications.becomes(body.id, 'passed');
    expect(passed).toMatchObject({
      toPosition: 10,
      processed: 10,
      eventsPerSecond: 1_000,
      chain: { ok: true, brokenAt: null },
      tables: [{ table: 'accounts', liveRows: 4, rebuiltRows: 4, firstDivergingPosition: null }],
      tasks: { matched: 3, missing: 0, extra: 0, executed: 0 },
      doom: null,
      ranOn: { codeVersion: '1.2.3', materializersVersion: 'aaaa' },
      peakMib: 100,
      error: null,
    });
    expect(passed.finishedAt! >= passed.startedAt!).toBe(true);
    expect((await verifications.list()).data).toEqual([passed]);
  });

  it('goes to a position of the log and not beyond', async () => {
    const { service, verifications, begun } = await startWithPretendedWork();
    const head = await openAccounts(service, 3);
    for (const toPosition of [head + 1, -1, 1.5, '1', null]) {
      const refused = await verifications.request({ toPosition });
      expect(refused).toMatchObject({
        status: 400,
        body: { code: 'validation_failed', errors: [{ pointer: '/toPosition' }] },
      });
    }
    const { body } = await verifications.request({ toPosition: 2 });
    expect(body).toMatchObject({ status: 'queued', toPosition: 2 });
    const run = await begun();
    expect(run.options.toPosition).toBe(2);
    run.end({ status: 'failed', chain: { ok: false, brokenAt: 2 } });
    const failed = await verifications.becomes(body.id, 'failed');
    expect(failed).toMatchObject({ toPosition: 2, chain: { ok: false, brokenAt: 2 } });
    expect(service.logged.join('\n')).toContain('a verification failed');
  });

  it('is made once for each key, and not at all in a dry run', async () => {
    const { verifications, work, begun } = await startWithPretendedWork();
    const dry = await verifications.request({}, { idempotencyKey: 'k', dryRun: true });
    expect(dry).toMatchObject({ status: 202, body: { status: 'queued' } });
    expect(dry.headers.get('dry-run')).toBe('true');
    expect((await verifications.list()).data).toEqual([]);
    const together = await Promise.all(
      Array.from({ length: 6 }, () => verifications.request({}, { idempotencyKey: 'k' })),
    );
    for (const { status, body } of together) {
      expect({ status, body }).toEqual({ status: 202, body: together[0]!.body });
    }
    const hits = together.filter((answer) => answer.headers.get('idempotency-hit') === 'true');
    expect(hits).toHaveLength(5);
    expect((await verifications.list()).data).toHaveLength(1);
    (await begun()).end();
    await verifications.becomes(together[0]!.body.id, 'passed');
    const later = await verifications.request({}, { idempotencyKey: 'k' });
    expect(later.body).toEqual(together[0]!.body);
    const other = await verifications.request({ toPosition: 0 }, { idempotencyKey: 'k' });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
    expect(work.attempts).toBe(1);
  });

  it('waits for a script and for the one before it, and the next one is refused', async () => {
    const { verifications, work, begun } = await startWithPretendedWork();
    work.isBusy = true;
    const first = await verifications.request();
    await waitFor('several attempts', () => work.attempts >= 3);
    work.isBusy = false;
    const run = await begun();
    const key = { idempotencyKey: 'waits' };
    const second = await verifications.request({}, key);
    expect(second).toMatchObject({ status: 202, body: { status: 'queued' } });
    const many = await Promise.all(Array.from({ length: 20 }, () => verifications.request()));
    for (const options of [{ dryRun: true }, { idempotencyKey: 'too many' }]) {
      many.push(await verifications.request({ toPosition: 0 }, options));
    }
    for (const refused of many) {
      expect(refused).toMatchObject({
        status: 409,
        body: { code: 'verification_queued', runId: second.body.id },
      });
    }
    expect((await verifications.request({}, key)).body).toEqual(second.body);
    expect((await verifications.list()).data).toHaveLength(2);
    expect(await verifications.read(second.body.id)).toMatchObject({ status: 'queued' });
    run.end();
    (await begun(2)).end();
    await verifications.becomes(second.body.id, 'passed');
    expect(await verifications.read(first.body.id)).toMatchObject({ status: 'passed' });
    expect(work.mostAtOnce).toBe(1);
  });

  it('is aborted while it is queued and while it runs, and not afterwards', async () => {
    const { service, verifications, work, begun } = await startWithPretendedWork();
    const first = await verifications.request();
    const run = await begun();
    const second = await verifications.request();
    const queued = await verifications.abort(second.body.id);
    expect(queued).toMatchObject({ status: 200, body: { status: 'aborted', ...EMPTY_BUT_ERROR } });
    const dry = await verifications.abort(first.body.id, { dryRun: true });
    expect(dry).toMatchObject({ status: 200, body: { abortRequested: true } });
    expect(await verifications.read(first.body.id)).toMatchObject({ abortRequested: false });
    const running = await verifications.abort(first.body.id, { idempotencyKey: 'stop' });
    expect(running).toMatchObject({ status: 200, body: { abortRequested: true } });
    const aborted = await verifications.becomes(first.body.id, 'aborted');
    expect(aborted.error).toBe('An administrator aborted it');
    expect(run.options.signal.aborted).toBe(true);
    const again = await verifications.abort(first.body.id, { idempotencyKey: 'stop' });
    expect(again.body).toEqual(running.body);
    for (const { body } of [first, second]) {
      const refused = await verifications.abort(body.id);
      expect(refused).toMatchObject({ status: 409, body: { code: 'run_not_active' } });
    }
    const nobody = await verifications.abort('01a1fc62-0000-7000-8000-000000000001');
    expect(nobody).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await service.api.get(`${verifications.path}/nonsense`)).toMatchObject({ status: 404 });
    expect(work.attempts).toBe(1);
  });

  const EMPTY_BUT_ERROR = { ...EMPTY, error: 'An administrator aborted it' };

  it('fails with a sentence where something unforeseen happens', async () => {
    const { service, verifications, begun } = await startWithPretendedWork();
    const { body } = await verifications.request();
    const run = await begun();
    run.options.onProgress(7, 9);
    run.fail(new Error('secret detail'));
    const failed = await verifications.becomes(body.id, 'failed');
    expect(failed).toMatchObject({ ...EMPTY, error: expect.any(String) as string, processed: 7 });
    expect(JSON.stringify(failed)).not.toContain('secret detail');
    expect(service.logged.join('\n')).toContain('secret detail');
  });

  it('is listed page by page, the oldest first where nothing is said', async () => {
    const { service, verifications, replays } = await startWithPretendedWork({ runs: false });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push((await verifications.request()).body.id);
      // One waits at most.
      await verifications.abort(ids.at(-1)!);
    }
    await replays.request();
    const seen: string[] = [];
    let added: string | undefined;
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = await verifications.list(`?limit=2${next}`);
      seen.push(...page.data.map((run) => run.id));
      cursor = page.nextCursor;
      // Rows that are added come behind the last page.
      if (seen.length === 2) added = (await verifications.request()).body.id;
    } while (cursor !== null);
    expect(seen).toEqual([...ids, added]);
    const backwards = await verifications.list('?order=desc');
    expect(backwards.data.map((run) => run.id)).toEqual(seen.toReversed());
    const aborted = await verifications.list('?status=aborted');
    expect(aborted.data.map((run) => run.id)).toEqual(ids);
    for (const bad of ['?status=swapped', '?cursor=x', '?limit=0']) {
      expect(await service.api.get(`${verifications.path}${bad}`)).toMatchObject({ status: 400 });
    }
  });
});

describe('the process that does a verification', () => {
  it('aborts it in order when it stops', async () => {
    const { service, verifications, begun } = await startWithPretendedWork();
    const { body } = await verifications.request();
    await begun();
    await service.close();
    const next = await startTestService({ databases: service.databases });
    expect(await apisOf(next).verifications.read(body.id)).toMatchObject({
      status: 'aborted',
      error: 'The service stopped',
    });
  });

  it('is found dead by the next one, which does what is queued', async () => {
    const { service, verifications, begun, work } = await startWithPretendedWork();
    const { body } = await verifications.request();
    (await begun()).end();
    await verifications.becomes(body.id, 'passed');
    // As a process leaves it that was killed.
    const dead = "update runs set status = 'running', heartbeat_at = now() - $1::interval";
    await query(service.databases.superUrls.log, dead, ['1 second']);
    const second = await verifications.request();
    await waitFor('a look at the dead run', () => work.attempts === 1);
    expect(await verifications.read(second.body.id)).toMatchObject({ status: 'queued' });
    (await begun(2)).end();
    await verifications.becomes(second.body.id, 'passed');
    expect(await verifications.read(body.id)).toMatchObject({
      status: 'aborted',
      error: 'Its process ended',
    });
  });

  it('shares the work with others: one run at a time', async () => {
    const { service, verifications, work } = await startWithPretendedWork();
    await startTestService({
      databases: service.databases,
      runs: true,
      replace: [withWork(work), withTimings()],
    });
    const requested: string[] = [];
    const request = async () => requested.push((await verifications.request()).body.id);
    await request();
    for (let number = 1; number <= 4; number++) {
      const run = await waitFor('the next run', () => work.runs[number - 1]);
      // One waits while another one is done.
      if (number < 4) await request();
      run.end();
    }
    for (const id of requested) await verifications.becomes(id, 'passed');
    expect(work.runs).toHaveLength(4);
    expect(work.mostAtOnce).toBe(1);
  });
});

describe('the last verification', () => {
  it('is told by readiness and metrics, and does not take the service out of use', async () => {
    const { service, verifications, begun } = await startWithPretendedWork();
    const ready = async () => {
      const { status, body } = await service.api.get('/v1/health/ready');
      return { status, last: body['lastVerification'] };
    };
    const metrics = async () => (await service.api.get('/metrics')).body['text'] as string;
    expect(await ready()).toEqual({ status: 200, last: null });
    expect(await metrics()).not.toMatch(/^truebook_verification_\w+ /m);
    const first = await verifications.request();
    const changed = { missing: 1, extra: 2, changed: 3, liveRows: 9, rebuiltRows: 8 };
    const table = { table: 'x', firstDivergingPosition: 5, samples: [], ...changed };
    const tasks = { matched: 1, missing: 4, extra: 5, amended: 0, executed: 0 as const };
    (await begun()).end({
      status: 'failed',
      tables: [table, table],
      tasks: { ...tasks, firstDifference: 2, samples: [] },
    });
    const failed = await verifications.becomes(first.body.id, 'failed');
    // What readiness says is kept for a second.
    const readyAfter = (id: string) =>
      waitFor('readiness to tell of it', async () => {
        const answer = await ready();
        return (answer.last as { id: string } | null)?.id === id && answer;
      });
    expect(await readyAfter(failed.id)).toEqual({
      status: 200,
      last: {
        id: failed.id,
        status: 'failed',
        finishedAt: failed.finishedAt,
        ageSeconds: expect.any(Number) as number,
        toPosition: 10,
      },
    });
    const text = await metrics();
    for (const line of ['passed 0', 'events 10', 'events_per_second 1000', 'differing_rows 12']) {
      expect(text).toContain(`\ntruebook_verification_${line}\n`);
    }
    expect(text).toContain('\ntruebook_verification_tasks_missing 4\n');
    expect(text).toContain('\ntruebook_verification_tasks_extra 5\n');
    const seconds = Date.parse(failed.finishedAt!) / 1000;
    expect(text).toContain(`\ntruebook_verification_finished_timestamp_seconds ${seconds}\n`);
    expect(text).toMatch(/^truebook_verification_age_seconds \d+$/m);
    expect(text).toMatch(/^truebook_verification_duration_seconds [\d.]+$/m);
    // One that is aborted has no verdict.
    const second = await verifications.request();
    await begun(2);
    await verifications.abort(second.body.id);
    await verifications.becomes(second.body.id, 'aborted');
    expect((await ready()).last).toMatchObject({ id: failed.id });
    const third = await verifications.request();
    (await begun(3)).end();
    await verifications.becomes(third.body.id, 'passed');
    expect((await readyAfter(third.body.id)).last).toMatchObject({ status: 'passed' });
    expect(await metrics()).toContain('\ntruebook_verification_passed 1\n');
  });
});
