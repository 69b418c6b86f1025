import { QueueAway, type JobQueues } from '../../../src/outside/tasks/job-queues';
import { TaskActions } from '../../../src/outside/tasks/task-actions';
import { TaskProcess } from '../../../src/outside/tasks/task-process';
import { PermanentFailure } from '../../../src/engine/define/task-handler';
import { RecordedLog } from '../../harness/ledger';
import { waitFor } from '../../harness/waiting';
import { startWithTask, withEmail } from './task-service';

describe('a task that has failed', () => {
  /** Its handler refuses for good until it is repaired, and counts its runs. */
  async function startWithFailure() {
    const mails = { runs: 0, isBroken: true };
    const run = () => {
      mails.runs++;
      if (mails.isBroken) return Promise.reject(new PermanentFailure('No such mailbox'));
      return Promise.resolve({ messageId: String(mails.runs) });
    };
    const started = await startWithTask({ tasks: 'work', replace: [withEmail(run)] });
    const failed = await started.becomes('failed');
    return { ...started, mails, failed };
  }

  it('is done when it is retried, once for each key', async () => {
    const { mails, failed, becomes, retry, position, service } = await startWithFailure();
    expect(failed).toMatchObject({ attempts: 1, lastError: 'No such mailbox', doneAt: null });
    const metrics = (await service.api.get('/metrics')).body['text'];
    expect(metrics).toContain('truebook_tasks{status="failed"} 1\n');
    mails.isBroken = false;
    const first = await retry({ idempotencyKey: 'once' });
    expect(first).toMatchObject({
      status: 200,
      body: { ...failed, status: 'queued', attempts: 0 },
    });
    expect(first.headers.get('ledger-position')).toBe(String(position));
    expect(first.headers.get('idempotency-hit')).toBeNull();
    const done = await becomes('done');
    expect(done).toMatchObject({ attempts: 1, lastError: 'No such mailbox' });
    const again = await retry({ idempotencyKey: 'once' });
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(await retry()).toMatchObject({ status: 409, body: { code: 'task_not_failed' } });
    expect(mails.runs).toBe(2);
  });

  it('stays failed in a dry run', async () => {
    const { mails, failed, read, retry } = await startWithFailure();
    const dry = await retry({ idempotencyKey: 'dry', dryRun: true });
    expect(dry).toMatchObject({ status: 200, body: { status: 'queued', attempts: 0 } });
    expect(dry.headers.get('dry-run')).toBe('true');
    expect(await read()).toEqual(failed);
    const real = await retry({ idempotencyKey: 'dry' });
    expect(real.headers.get('idempotency-hit')).toBeNull();
    expect(real.headers.get('dry-run')).toBeNull();
    await waitFor('the second run', () => mails.runs === 2);
  });

  it('is retried once by many with one key, and by one of many with a key each', async () => {
    const { mails, becomes, retry } = await startWithFailure();
    const together = await Promise.all(
      Array.from({ length: 8 }, () => retry({ idempotencyKey: 'together' })),
    );
    expect(together.map((answer) => answer.status)).toEqual(Array.from(together, () => 200));
    const hits = together.filter((answer) => answer.headers.get('idempotency-hit') === 'true');
    expect(hits).toHaveLength(7);
    for (const { body } of together) expect(body).toEqual(together[0]!.body);
    await waitFor('the second run', () => mails.runs === 2);
    await becomes('failed');
    mails.isBroken = false;
    const apart = await Promise.all(
      Array.from({ length: 8 }, (_, i) => retry({ idempotencyKey: `apart ${i}` })),
    );
    const accepted = apart.filter((answer) => answer.status === 200);
    expect(accepted).toHaveLength(1);
    const refused = apart.filter((answer) => answer.body['code' as never] === 'task_not_failed');
    expect(refused).toHaveLength(7);
    await becomes('done');
    expect(mails.runs).toBe(3);
  });

  it('shares its keys with every other request', async () => {
    const { service, retry } = await startWithFailure();
    const account = { name: 'x', type: 'asset', currency: 'USD' };
    const books = await service.api.post('/v1/accounts', account, { idempotencyKey: 'books' });
    expect(books.status).toBe(201);
    const REUSED = { status: 422, body: { code: 'idempotency_key_reused' } };
    expect(await retry({ idempotencyKey: 'books' })).toMatchObject(REUSED);
    expect((await retry({ idempotencyKey: 'tasks' })).status).toBe(200);
    const other = await service.api.post('/v1/accounts', account, { idempotencyKey: 'tasks' });
    expect(other).toMatchObject(REUSED);
  });

  it('is handed over by the sweep where the queue was away when it was retried', async () => {
    const { service, mails, taskId, becomes } = await startWithFailure();
    const log = new RecordedLog();
    const away = { add: () => Promise.reject(new QueueAway('away')) };
    mails.isBroken = false;
    const actions = new TaskActions(service.get(TaskProcess), away as unknown as JobQueues, log);
    const outcome = await actions.retry({ actor: 'tester' }, taskId, 0);
    expect(outcome).toMatchObject({ kind: 'accepted', answer: { taskId, status: 'queued' } });
    expect(log.lines).toMatchObject([{ level: 'warn', details: { taskId } }]);
    await becomes('done');
  });
});
