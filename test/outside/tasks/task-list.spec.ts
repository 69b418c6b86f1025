import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';
import { gate, waitFor } from '../../harness/waiting';
import { Company, EMAIL, startWithTask, withEmail, type TaskPage } from './task-service';
import type { TaskDto } from '../../../src/outside/tasks/task.dto';

const NOBODY = '00000000-0000-4000-8000-000000000000';
const UUID: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);
const TIME: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

describe('tasks that are not handed over', () => {
  let service: TestService;
  let acme: Company;
  let umbrella: Company;
  /** Of the events that ask for a mail, in order. */
  const positions: number[] = [];

  const list = async (query = '') => {
    const { status, body } = await service.api.get<TaskPage>(`/v1/tasks?${query}`);
    expect(status).toBe(200);
    return body;
  };
  const found = async (query: string) => (await list(query)).data.map((task) => task.position);

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    acme = await Company.create(service, 'Acme');
    umbrella = await Company.create(service, 'Umbrella');
    for (const company of [acme, umbrella, acme, acme]) positions.push(await company.move());
  });

  it('are listed in the order of the log, with all that is known of them', async () => {
    const { status, headers, body } = await service.api.get<TaskPage>('/v1/tasks');
    expect(status).toBe(200);
    expect(headers.get('ledger-position')).toBe(String(positions.at(-1)));
    expect(body.nextCursor).toBeNull();
    expect(body.data.map((task) => task.position)).toEqual(positions);
    expect(body.data[1]).toEqual({
      taskId: UUID,
      position: positions[1],
      name: EMAIL,
      subject: 'umbrella@example.com',
      payload: expect.objectContaining({ contactEmail: 'umbrella@example.com' }) as unknown,
      notBefore: null,
      status: 'recorded',
      attempts: 0,
      lastError: null,
      nextAttemptAt: null,
      doneAt: null,
      result: null,
    });
    const task = body.data[1]!;
    const read = await service.api.get(`/v1/tasks/${task.taskId}`);
    expect(read).toMatchObject({ status: 200, body: task });
    expect(read.headers.get('ledger-position')).toBe(String(positions.at(-1)));
    const upper = await service.api.get(`/v1/tasks/${task.taskId.toUpperCase()}`);
    expect(upper.body).toEqual(task);
  });

  it('are found by status, name and subject', async () => {
    expect(await found('status=recorded')).toEqual(positions);
    for (const status of ['queued', 'running', 'done', 'failed']) {
      expect(await found(`status=${status}`)).toEqual([]);
    }
    expect(await found(`name=${EMAIL}`)).toEqual(positions);
    expect(await found('name=order.confirmation-upload')).toEqual([]);
    expect(await found('subject=umbrella@example.com')).toEqual([positions[1]]);
    expect(await found(`subject=acme@example.com&status=recorded&name=${EMAIL}`)).toHaveLength(3);
  });

  it('are paged through, also while rows are added', async () => {
    const own = await startTestService();
    for (const path of ['one', 'two']) {
      const { status } = await own.api.post('/v1/webhook-subscriptions', {
        url: `https://example.com/${path}`,
        eventTypes: ['CompanyAddressChanged'],
      });
      expect(status).toBe(201);
    }
    const company = await Company.create(own);
    // Three tasks for each event, so that pages of two begin and end in the middle of one.
    for (let i = 0; i < 2; i++) await company.move();
    const seen: TaskDto[] = [];
    let cursor = '';
    for (let page = 0; page < 9; page++) {
      const { body } = await own.api.get<TaskPage>(`/v1/tasks?limit=2&status=recorded${cursor}`);
      seen.push(...body.data);
      if (page === 0) await company.move();
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(seen).toHaveLength(9);
    expect((await own.api.get<TaskPage>('/v1/tasks')).body.data).toEqual(seen);
    const mails = seen.filter((task) => task.name === EMAIL);
    expect(mails).toHaveLength(3);
    // Mails are asked for by the materializer, and the observer comes after it.
    expect(seen.map((task) => task.name === EMAIL)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => i % 3 === 0),
    );
    const event = await own.api.get(`/v1/events/${mails[1]!.position}`);
    expect(event.body['tasks']).toEqual(
      seen.slice(3, 6).map(({ taskId, name, status }) => ({ taskId, name, status })),
    );
  });

  it('are listed by the events that asked for them', async () => {
    const { data } = await list();
    const event = await service.api.get(`/v1/events/${positions[0]}`);
    const { taskId, name } = data[0]!;
    expect(event.body['tasks']).toEqual([{ taskId, name, status: 'recorded' }]);
    const events = await service.api.get<{ data: { position: number; tasks: unknown[] }[] }>(
      '/v1/events',
    );
    const withTasks = events.body.data.filter((e) => e.tasks.length > 0);
    expect(withTasks.map((e) => e.position)).toEqual(positions);
    expect(withTasks.flatMap((e) => e.tasks)).toEqual(
      data.map((task) => ({ taskId: task.taskId, name: task.name, status: task.status })),
    );
  });

  it('cannot be retried, and say so again to the same key', async () => {
    const { taskId } = (await list()).data[0]!;
    const retry = () =>
      service.api.post(`/v1/tasks/${taskId}/retry`, {}, { idempotencyKey: 'recorded' });
    const first = await retry();
    expect(first).toMatchObject({ status: 409, body: { code: 'task_not_failed' } });
    expect(first.headers.get('ledger-position')).toBe(String(positions.at(-1)));
    const again = await retry();
    expect(again).toMatchObject({ status: 409, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
  });

  it.each([NOBODY, 'x', '1', 'client:acme', `${NOBODY}0`, '%00'])(
    'are not there under the id %s',
    async (id) => {
      for (const answer of [
        await service.api.get(`/v1/tasks/${id}`),
        await service.api.post(`/v1/tasks/${id}/retry`),
      ]) {
        expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
      }
    },
  );

  it.each([
    ['status=away', '/status'],
    ['status=', '/status'],
    ['name=', '/name'],
    ['name=no.such-task', '/name'],
    ['limit=0', '/limit'],
    ['limit=201', '/limit'],
    ['cursor=x', '/cursor'],
    [`cursor=${Buffer.from('[1]').toString('base64url')}`, '/cursor'],
    ['state=done', '/state'],
  ])('are not listed by %s', async (query, pointer) => {
    const answer = await service.api.get(`/v1/tasks?${query}`);
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'validation_failed', errors: [{ pointer }] },
    });
  });

  it('take no parameters where one is read or retried', async () => {
    const { taskId } = (await list()).data[0]!;
    expect((await service.api.get(`/v1/tasks/${taskId}?status=done`)).status).toBe(400);
    const retry = await service.api.post(`/v1/tasks/${taskId}/retry`, { force: true });
    expect(retry).toMatchObject({ status: 400, body: { errors: [{ pointer: '/force' }] } });
  });
});

describe('a task that is handed over', () => {
  it('is queued until somebody works', async () => {
    const { becomes, retry, service } = await startWithTask({ tasks: 'dispatch' });
    expect(await becomes('queued')).toMatchObject({ attempts: 0, doneAt: null });
    expect(await retry()).toMatchObject({ status: 409, body: { code: 'task_not_failed' } });
    const { body } = await service.api.get<TaskPage>('/v1/tasks?status=queued');
    expect(body.data).toHaveLength(1);
    const { body: recorded } = await service.api.get<TaskPage>('/v1/tasks?status=recorded');
    expect(recorded.data).toEqual([]);
    const metrics = (await service.api.get('/metrics')).body['text'];
    expect(metrics).toContain('truebook_tasks{status="queued"} 1\n');
    expect(metrics).toContain('truebook_tasks{status="failed"} 0\n');
  });

  it('is running while its handler runs, and done afterwards', async () => {
    const { opened, open } = gate();
    const run = () => opened.then(() => ({ messageId: 'of the test' }));
    const { becomes, service, position, taskId } = await startWithTask({
      tasks: 'work',
      replace: [withEmail(run)],
    });
    expect(await becomes('running')).toMatchObject({ attempts: 1, doneAt: null, result: null });
    const metrics = (await service.api.get('/metrics')).body['text'];
    expect(metrics).toContain('truebook_tasks{status="running"} 1\n');
    open();
    const done = await becomes('done');
    expect(done).toMatchObject({
      attempts: 1,
      doneAt: TIME,
      result: { messageId: 'of the test' },
      lastError: null,
      nextAttemptAt: null,
    });
    const event = await service.api.get(`/v1/events/${position}`);
    expect(event.body['tasks']).toEqual([{ taskId, name: EMAIL, status: 'done' }]);
  });

  it('says why it was not done yet, and when it comes again', async () => {
    const { becomes, read } = await startWithTask({
      tasks: 'work',
      replace: [withEmail(() => Promise.reject(new Error('The mail server is tired')))],
      env: { TASK_BACKOFF_MS: '600000' },
    });
    await waitFor('the first attempt to fail', async () => (await read()).lastError !== null);
    expect(await becomes('queued')).toMatchObject({
      attempts: 1,
      lastError: 'The mail server is tired',
      nextAttemptAt: TIME,
      doneAt: null,
    });
  });
});

describe('a task that is not to be done yet', () => {
  it('is recorded until it is, and says from when on it may be done', async () => {
    const { becomes, service, position, taskId } = await startWithTask({ tasks: 'dispatch' });
    await becomes('queued');
    const { databases } = service;
    // No event asks for it, so a rebuild would not either.
    databases.isChecked = false;
    const [later] = await query<{ task_id: string }>(
      databases.urls.log,
      `insert into task_log (position, ordinal, task_id, name, subject, payload, not_before)
       select position, ordinal + 1, gen_random_uuid(), name, subject, payload, '2090-01-31'
       from task_log returning task_id`,
    );
    const id = later!.task_id;
    await waitFor('it to be deferred', async () => {
      const rows = await query(
        databases.urls.log,
        `select from task_delivery where status = 'deferred'`,
      );
      return rows.length === 1;
    });
    const { body } = await service.api.get<TaskPage>('/v1/tasks?status=recorded');
    expect(body.data).toMatchObject([
      {
        ...{ taskId: id, status: 'recorded', notBefore: '2090-01-31T00:00:00.000Z' },
        ...{ attempts: 0, nextAttemptAt: null, doneAt: null },
      },
    ]);
    expect((await service.api.get(`/v1/tasks/${id}`)).body).toEqual(body.data[0]);
    const queued = await service.api.get<TaskPage>('/v1/tasks?status=queued');
    expect(queued.body.data).toMatchObject([{ taskId, notBefore: null }]);
    const event = await service.api.get(`/v1/events/${position}`);
    expect(event.body['tasks']).toMatchObject([{ status: 'queued' }, { status: 'recorded' }]);
    expect(await service.api.post(`/v1/tasks/${id}/retry`, {})).toMatchObject({
      status: 409,
      body: { code: 'task_not_failed', detail: `Task ${id} is recorded` },
    });
    expect((await service.api.get('/v1/tasks?status=deferred')).status).toBe(400);
    const metrics = (await service.api.get('/metrics')).body['text'];
    expect(metrics).toContain('truebook_tasks{status="queued"} 1\n');
  });
});

describe('a queue that is down', () => {
  it('delays tasks and nothing else, and health says so', async () => {
    const { service, company, position } = await startWithTask({
      tasks: 'dispatch',
      // Nobody listens there.
      env: { REDIS_URL: 'redis://127.0.0.1:1' },
    });
    expect(await company.move()).toBeGreaterThan(position);
    const { status, body } = await service.api.get('/v1/health/ready');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'ready',
      failure: null,
      queue: { waiting: 0, status: 'down', backend: 'redis' },
    });
    const { failure } = body['queue'] as { failure: string };
    expect(failure).toMatch(/queue/);
    expect(failure).not.toContain('127.0.0.1');
  });
});
