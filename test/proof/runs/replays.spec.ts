import { query, withClient } from '../../harness/cluster';
import { startTestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { apisOf, startWithPretendedWork } from './run-service';

const PATIENT = { replayAnswerMs: 10_000 };

describe('a replay that is asked for', () => {
  it('is answered when it has swapped', async () => {
    const { replays, begun } = await startWithPretendedWork(PATIENT);
    const asked = replays.request();
    const run = await begun();
    expect(run.options.acceptDifferences).toBeUndefined();
    run.end();
    const { status, body } = await asked;
    expect(status).toBe(202);
    expect(body).toMatchObject({
      status: 'swapped',
      acceptDifferences: false,
      reason: null,
      swapMs: 12,
      chain: { ok: true },
      tasks: { executed: 0 },
      doom: null,
    });
    expect(await replays.read(body.id)).toEqual(body);
    expect((await replays.list()).data).toEqual([body]);
  });

  it('is answered as it is where it takes long', async () => {
    const { replays, verifications, begun } = await startWithPretendedWork();
    const { status, body } = await replays.request();
    expect({ status, runs: body.status }).toEqual({ status: 202, runs: 'running' });
    const missing = await verifications.abort(body.id);
    expect(missing).toMatchObject({ status: 404 });
    (await begun()).end({ status: 'differs' });
    const differs = await replays.becomes(body.id, 'differs');
    expect(differs).toMatchObject({ swapMs: 12, chain: { ok: true } });
  });

  it('is refused where the rebuilt state differs, and done where that is accepted', async () => {
    const { service, replays, begun } = await startWithPretendedWork(PATIENT);
    const asked = replays.request({}, { idempotencyKey: 'k' });
    (await begun()).end({ status: 'differs', swapMs: null });
    const refused = await asked;
    const [run] = (await replays.list()).data;
    expect(run).toMatchObject({ status: 'differs', swapMs: null });
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'replay_differs', runId: run!.id },
    });
    expect(refused.headers.get('ledger-position')).toBe('0');
    const repeated = await replays.request({}, { idempotencyKey: 'k' });
    expect(repeated).toMatchObject({ status: 409, body: refused.body });
    expect(repeated.headers.get('idempotency-hit')).toBe('true');
    expect(service.logged.join('\n')).toContain('a replay did not swap');

    const accepted = replays.request({ acceptDifferences: true, reason: 'a repair' });
    const second = await begun(2);
    expect(second.options.acceptDifferences).toBe('a repair');
    second.end();
    expect(await accepted).toMatchObject({
      status: 202,
      body: { status: 'swapped', acceptDifferences: true, reason: 'a repair' },
    });
  });

  it.each([
    [{ acceptDifferences: true }, '/reason'],
    [{ acceptDifferences: true, reason: '' }, '/reason'],
    [{ acceptDifferences: true, reason: 'x'.repeat(501) }, '/reason'],
    [{ reason: 'x' }, '/acceptDifferences'],
    [{ acceptDifferences: false, reason: 'x' }, '/acceptDifferences'],
    [{ acceptDifferences: 'true', reason: 'x' }, '/acceptDifferences'],
  ])('accepts differences for a reason or not at all: %j', async (body, pointer) => {
    const { replays, work } = await startWithPretendedWork();
    const refused = await replays.request(body);
    expect(refused).toMatchObject({
      status: 400,
      body: { code: 'validation_failed', errors: [{ pointer }] },
    });
    expect((await replays.list()).data).toEqual([]);
    expect(work.attempts).toBe(0);
  });

  it('is refused while another one is queued or running', async () => {
    const { replays, verifications, begun } = await startWithPretendedWork();
    // A verification is in the way of its beginning and of nothing else.
    await verifications.request();
    const verification = await begun();
    const first = await replays.request();
    expect(first).toMatchObject({ status: 202, body: { status: 'queued' } });
    const second = await replays.request();
    expect(second).toMatchObject({
      status: 409,
      body: { code: 'replay_in_progress', runId: first.body.id },
    });
    const dry = await replays.request({}, { dryRun: true });
    expect(dry).toMatchObject({ status: 409, body: { code: 'replay_in_progress' } });
    verification.end();
    const replay = await begun(2);
    expect(await replays.request()).toMatchObject({ status: 409 });
    replay.end();
    await replays.becomes(first.body.id, 'swapped');
    const dryAgain = await replays.request({}, { dryRun: true });
    expect(dryAgain).toMatchObject({ status: 202, body: { status: 'queued' } });
    expect((await replays.list()).data).toHaveLength(1);
  });

  it('is queued once where several are asked for at the same moment', async () => {
    const { service, replays } = await startWithPretendedWork({ runs: false });
    const { log } = service.databases.superUrls;
    const answers = await withClient(log, async (client) => {
      await client.query('begin');
      // Lets everybody look for other replays, and nobody write one.
      await client.query('lock table runs in share row exclusive mode');
      const asked = Promise.all(Array.from({ length: 3 }, () => replays.request()));
      await waitFor('the requests to wait', async () => {
        const waiting = await query(
          log,
          `select from pg_stat_activity
           where wait_event_type = 'Lock' and datname = current_database()`,
        );
        return waiting.length === 3;
      });
      await client.query('commit');
      return asked;
    });
    const statuses = answers.map(({ status, body }) => [status, body.code]).sort();
    const refused = [409, 'replay_in_progress'];
    expect(statuses).toEqual([[202, undefined], refused, refused]);
  });

  it('gives the first answer again, however far it has come since', async () => {
    const { service, replays, begun } = await startWithPretendedWork();
    const [first, together] = await Promise.all([
      replays.request({}, { idempotencyKey: 'k' }),
      replays.request({}, { idempotencyKey: 'k' }),
    ]);
    expect(first).toMatchObject({ status: 202, body: { status: 'running' } });
    expect(together).toMatchObject({ status: 202, body: first.body });
    (await begun()).end({ status: 'differs' });
    await replays.becomes(first.body.id, 'differs');
    const again = await replays.request({}, { idempotencyKey: 'k' });
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    const other = await startTestService({ databases: service.databases });
    const elsewhere = await apisOf(other).replays.request({}, { idempotencyKey: 'k' });
    expect(elsewhere).toMatchObject({ status: 202, body: first.body });
  });

  it('is aborted, and leaves the way free for the next one', async () => {
    const { replays, begun } = await startWithPretendedWork();
    const { body } = await replays.request();
    await begun();
    expect((await replays.abort(body.id)).status).toBe(200);
    await replays.becomes(body.id, 'aborted');
    const asked = replays.request();
    (await waitFor('the second one', () => begun(2))).end();
    expect(await asked).toMatchObject({ status: 202 });
  });

  it('is for administrators alone', async () => {
    const { service } = await startWithPretendedWork();
    for (const path of ['replays', 'replay-verifications', 'replays/swap-back']) {
      const answer = await fetch(`${service.url}/v1/admin/${path}`, { method: 'POST' });
      expect(answer.status).toBe(401);
    }
  });
});
