import { cursorKey, encodeCursor } from '../../../src/http/page';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';
import { TaskDeadline } from '../../harness/task-deadline';
import { waitFor } from '../../harness/waiting';
import { expectedSignature, Receiver, type Reaction, type Received } from './receiver';

interface Delivery {
  taskId: string;
  position: number;
  eventType: string;
  status: string;
  attempts: number;
  lastError: string | null;
  result: object | null;
  doneAt: string | null;
}
interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

const PATH = '/v1/webhook-subscriptions';
/** Loopback receivers, without encryption: what only development allows. */
const env = { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'true' };
const START_TIMEOUT_MS = 60_000;
/** Far below the real one, where a test has to wait for it. */
const SHORT_MS = 1_000;

describe('webhook deliveries', () => {
  let service: TestService;
  let receiver: Receiver;
  const deadline = new TaskDeadline();
  const subscribed: string[] = [];

  beforeAll(async () => {
    const databases = await cloneDatabases({ lifetime: 'file' });
    service = await startTestService({
      databases,
      tasks: 'work',
      env,
      replace: deadline.replace,
    });
  }, START_TIMEOUT_MS);

  const start = async (react?: (request: Received) => Reaction) => {
    receiver = await Receiver.start(react);
  };
  const subscribe = async (body: object = {}, token = 'a-token') => {
    const url = `${receiver.origin}/hook?token=${token}`;
    const given = { url, eventTypes: ['AccountOpened'], ...body };
    const answer = await service.api.post<{ id: string; secret: string }>(PATH, given);
    expect(answer).toMatchObject({ status: 201 });
    subscribed.push(answer.body.id);
    return answer.body;
  };
  const openAccount = async (name = 'An account'): Promise<{ id: string; position: number }> => {
    const account = { name, type: 'asset', currency: 'USD' };
    return (await service.api.post<{ id: string; position: number }>('/v1/accounts', account)).body;
  };
  const deliveries = async (id: string, rest = '') =>
    (await service.api.get<Page<Delivery>>(`${PATH}/${id}/deliveries${rest}`)).body;
  const settled = (id: string, count: number) =>
    waitFor(`${count} deliveries to end`, async () => {
      const { data } = await deliveries(id);
      const isEnded = data.every(({ status }) => status === 'done' || status === 'failed');
      return data.length === count && isEnded && data;
    });

  beforeEach(() => deadline.reset());

  afterEach(async () => {
    for (const id of subscribed.splice(0)) await service.api.post(`${PATH}/${id}/disable`);
    await receiver.close();
  });

  it('bring each event that is wanted once, signed, and say so', async () => {
    await start();
    await openAccount('Before anybody asked');
    const { id, secret } = await subscribe();
    const opened = [await openAccount('Ünë'), await openAccount('Two')];
    await service.api.post(`/v1/accounts/${opened[0]!.id}/close`);
    opened.push(await openAccount('Three'));
    const history = await settled(id, 3);

    expect(receiver.received).toHaveLength(3);
    for (const { position } of opened) {
      const { body: event } = await service.api.get(`/v1/events/${position}`);
      const { tasks, amended, ...view } = event as {
        tasks: Record<string, string>[];
        amended: null;
      };
      expect(amended).toBeNull();
      const [{ taskId }] = tasks as [{ taskId: string }];
      expect(tasks).toEqual([{ taskId, name: 'webhook.deliver', status: 'done' }]);
      const [received, ...more] = receiver.of(taskId);
      expect(more).toEqual([]);
      expect(received!.contentType).toBe('application/json');
      expect(JSON.parse(received!.body)).toEqual({
        type: 'AccountOpened',
        timestamp: event['recordedAt'],
        data: view,
      });
      expect(received!.signatures).toEqual([expectedSignature(secret, received!)]);
      expect(Math.abs(Number(received!.timestamp) - Date.now() / 1000)).toBeLessThan(60);
      expect(history).toContainEqual({
        taskId,
        position,
        eventType: 'AccountOpened',
        status: 'done',
        attempts: 1,
        lastError: null,
        result: { status: 204 },
        doneAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
      });
    }
    expect(history.map((d) => d.position)).toEqual(opened.map((o) => o.position));
    const first = await deliveries(id, '?limit=2');
    const second = await deliveries(id, `?limit=2&cursor=${first.nextCursor}`);
    expect([...first.data, ...second.data]).toEqual(history);
    expect(second.nextCursor).toBeNull();
    const route = '/v1/webhook-subscriptions/:id/deliveries';
    const [owner] = cursorKey({ cursor: first.nextCursor! }, 3);
    const order = { order: 'desc' };
    const beyond = [owner!, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    const afar = encodeCursor({ route, filters: order }, beyond);
    expect((await deliveries(id, `?cursor=${afar}`)).data).toEqual(history.toReversed());
  });

  it('reach everybody who wants the event, each signed with its own secret', async () => {
    await start();
    const [first, every] = [await subscribe(), await subscribe({ eventTypes: '*' })];
    const { position } = await openAccount();
    await Promise.all([settled(first.id, 1), settled(every.id, 1)]);
    const { body } = await service.api.get<{ tasks: object[] }>(`/v1/events/${position}`);
    expect(body.tasks).toHaveLength(2);
    expect(receiver.received).toHaveLength(2);
    expect(receiver.ids).toHaveLength(2);
    const signatures = receiver.received.flatMap((r) => r.signatures);
    for (const { secret } of [first, every]) {
      const expected = receiver.received.map((r) => expectedSignature(secret, r));
      expect(signatures.filter((s) => expected.includes(s))).toHaveLength(1);
    }
  });

  it('come again under the same id, with the same bytes, after a failure and a hang', async () => {
    const reactions: Reaction[] = [500, 'hang', { status: 200, afterMs: SHORT_MS + 300 }, 302];
    deadline.ms = SHORT_MS;
    await start((request) => reactions[receiver.of(request.id).length] ?? 200);
    const { id, secret } = await subscribe();
    await openAccount();
    const [delivery] = await settled(id, 1);
    expect(delivery).toMatchObject({ status: 'done', attempts: 5, result: { status: 200 } });
    expect(receiver.ids).toEqual([delivery!.taskId]);
    expect(receiver.received).toHaveLength(5);
    expect(new Set(receiver.received.map((r) => r.body)).size).toBe(1);
    for (const r of receiver.received) {
      expect(r.signatures).toEqual([expectedSignature(secret, r)]);
    }
  });

  it('answered late, but in time, are done once', async () => {
    await start(() => ({ status: 200, afterMs: 300 }));
    const { id } = await subscribe();
    await openAccount();
    expect(await settled(id, 1)).toMatchObject([{ status: 'done', attempts: 1 }]);
    expect(receiver.received).toHaveLength(1);
  });

  it('fail for good where the receiver is gone, and tell nobody its token or answer', async () => {
    await start(() => 410);
    const { id } = await subscribe({}, 'never-to-be-logged');
    await openAccount('A name of no concern');
    const [delivery] = await settled(id, 1);
    expect(delivery).toMatchObject({ status: 'failed', attempts: 1, result: null, doneAt: null });
    expect(delivery!.lastError).toMatch(/410/);
    const stored = await query(
      service.databases.superUrls.log,
      `select d::text as row from task_delivery d
       union all select payload::text from task_log`,
    );
    const told = [...stored.map((r) => String(r['row'])), ...service.logged].join('\n');
    expect(told).toContain(delivery!.taskId);
    expect(told).not.toMatch(/never-to-be-logged|nobody’s business|of no concern|whsec_/);
  });

  it('are signed with both secrets after a rotation', async () => {
    await start();
    const { id, secret } = await subscribe();
    const rotated = await service.api.post<{ secret: string }>(`${PATH}/${id}/rotate-secret`);
    await openAccount();
    await settled(id, 1);
    const [received] = receiver.received;
    const secrets = [rotated.body.secret, secret];
    expect(received!.signatures).toEqual(secrets.map((s) => expectedSignature(s, received!)));
  });

  it('are made again under the same id where somebody asks, once for each key', async () => {
    await start();
    const { id, secret } = await subscribe();
    await openAccount();
    const [{ taskId }] = (await settled(id, 1)) as [Delivery];
    const path = `${PATH}/${id}/deliveries/${taskId}/redeliver`;
    const dry = await service.api.post(path, {}, { dryRun: true });
    expect(dry).toMatchObject({ status: 200, body: { taskId, status: 'queued' } });
    const again = () => service.api.post(path, {}, { idempotencyKey: `again ${taskId}` });
    const answer = await again();
    expect(answer).toMatchObject({ status: 200, body: { ...dry.body, attempts: 0 } });
    await waitFor('the second delivery', () => receiver.received.length === 2);
    expect(await settled(id, 1)).toMatchObject([{ taskId, status: 'done', attempts: 1 }]);
    const repeated = await again();
    expect(repeated.body).toEqual(answer.body);
    expect(repeated.headers.get('idempotency-hit')).toBe('true');
    expect(receiver.ids).toEqual([taskId]);
    expect(receiver.received).toHaveLength(2);
    const [first, second] = receiver.received as [Received, Received];
    expect(second.body).toBe(first.body);
    expect(second.signatures).toEqual([expectedSignature(secret, second)]);
  });

  it('are not made again while they are under way, or for another subscription', async () => {
    await start(() => 'hang');
    const [one, other] = [await subscribe(), await subscribe({ eventTypes: ['AccountClosed'] })];
    await openAccount();
    await waitFor('the first attempt', () => receiver.received.length === 1);
    const taskId = receiver.ids[0]!;
    const redeliver = (id: string, task: string) =>
      service.api.post(`${PATH}/${id}/deliveries/${task}/redeliver`);
    expect(await redeliver(one.id, taskId)).toMatchObject({
      status: 409,
      body: { code: 'task_under_way' },
    });
    for (const task of [taskId, other.id, 'nonsense']) {
      const answer = await redeliver(other.id, task);
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  it('to one receiver do not wait for another that answers nothing', async () => {
    await start(() => 'hang');
    const silent = await subscribe();
    const other = await Receiver.start();
    try {
      const { id } = await subscribe({ url: other.origin });
      await Promise.all(Array.from({ length: 40 }, () => openAccount()));
      await settled(id, 40);
      expect(other.received).toHaveLength(40);
      const { data } = await deliveries(silent.id);
      expect(data).toHaveLength(40);
      expect(data.filter(({ status }) => status === 'done')).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('end with a subscription, also those that wait, and begin again with it', async () => {
    deadline.ms = SHORT_MS;
    await start(() => (receiver.received.length === 0 ? 'hang' : 204));
    const { id } = await subscribe();
    await openAccount();
    await waitFor('the first attempt', () => receiver.received.length === 1);
    await service.api.post(`${PATH}/${id}/disable`);
    const skipped = [{ status: 'done', result: { skipped: 'subscription_disabled' } }];
    expect(await settled(id, 1)).toMatchObject(skipped);
    await openAccount();
    await service.api.post(`${PATH}/${id}/enable`);
    const { position } = await openAccount();
    expect(await settled(id, 2)).toMatchObject([...skipped, { position, result: { status: 204 } }]);
    expect(receiver.received).toHaveLength(2);
  });
});
