import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, { schema: object }>; headers?: object }>;
  security?: object[];
  'x-permission'?: string;
}
interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: object };
}

/** All of them, in order. */
/** What the document has, in order. */
const ENDPOINTS = [
  'get /v1/accounts',
  'get /v1/accounts/{id}',
  'get /v1/accounts/{id}/balances',
  'get /v1/accounts/{id}/entries',
  'get /v1/accounts/{id}/history',
  'get /v1/accounts/{id}/statement',
  'get /v1/admin/event-backups',
  'get /v1/admin/replay-verifications',
  'get /v1/admin/replay-verifications/{id}',
  'get /v1/admin/replays',
  'get /v1/admin/replays/{id}',
  'get /v1/balances',
  'get /v1/companies',
  'get /v1/companies/{id}',
  'get /v1/companies/{id}/history',
  'get /v1/currencies',
  'get /v1/currencies/{code}',
  'get /v1/diff',
  'get /v1/diff/{id}/events',
  'get /v1/events',
  'get /v1/events/stream',
  'get /v1/events/{position}',
  'get /v1/explain/balance',
  'get /v1/exports/journal',
  'get /v1/health/live',
  'get /v1/health/ready',
  'get /v1/holds',
  'get /v1/holds/{id}',
  'get /v1/holds/{id}/history',
  'get /v1/interest-accruals',
  'get /v1/interest-accruals/{id}',
  'get /v1/limits',
  'get /v1/limits/{id}',
  'get /v1/orders',
  'get /v1/orders/{id}',
  'get /v1/orders/{id}/history',
  'get /v1/period-closes',
  'get /v1/period-closes/{id}',
  'get /v1/period-closes/{id}/late-entries',
  'get /v1/reports/balance-sheet',
  'get /v1/reports/general-ledger',
  'get /v1/reports/income-statement',
  'get /v1/reports/trial-balance',
  'get /v1/scheduled-transactions',
  'get /v1/scheduled-transactions/{id}',
  'get /v1/tasks',
  'get /v1/tasks/{id}',
  'get /v1/transactions',
  'get /v1/transactions/{id}',
  'get /v1/transactions/{id}/history',
  'get /v1/webhook-subscriptions',
  'get /v1/webhook-subscriptions/{id}',
  'get /v1/webhook-subscriptions/{id}/deliveries',
  'get /v1/webhook-subscriptions/{id}/history',
  'patch /v1/accounts/{id}',
  'patch /v1/limits/{id}',
  'post /v1/accounts',
  'post /v1/accounts/{id}/close',
  'post /v1/accounts/{id}/freeze',
  'post /v1/accounts/{id}/reopen',
  'post /v1/accounts/{id}/unfreeze',
  'post /v1/admin/event-backups/{position}/{amendment}/restore',
  'post /v1/admin/events/{position}/amend',
  'post /v1/admin/replay-verifications',
  'post /v1/admin/replay-verifications/{id}/abort',
  'post /v1/admin/replays',
  'post /v1/admin/replays/swap-back',
  'post /v1/admin/replays/{id}/abort',
  'post /v1/companies',
  'post /v1/currencies',
  'post /v1/holds',
  'post /v1/holds/{id}/capture',
  'post /v1/holds/{id}/void',
  'post /v1/interest-accruals',
  'post /v1/interest-accruals/{id}/reverse',
  'post /v1/limits',
  'post /v1/limits/{id}/remove',
  'post /v1/orders',
  'post /v1/orders/{id}/cancel',
  'post /v1/orders/{id}/reverse-settlement',
  'post /v1/orders/{id}/settle',
  'post /v1/period-closes',
  'post /v1/period-closes/{id}/reopen',
  'post /v1/scheduled-transactions',
  'post /v1/scheduled-transactions/{id}/cancel',
  'post /v1/tasks/{id}/retry',
  'post /v1/transactions',
  'post /v1/transactions/batch',
  'post /v1/transactions/{id}/reverse',
  'post /v1/webhook-subscriptions',
  'post /v1/webhook-subscriptions/{id}/deliveries/{taskId}/redeliver',
  'post /v1/webhook-subscriptions/{id}/disable',
  'post /v1/webhook-subscriptions/{id}/enable',
  'post /v1/webhook-subscriptions/{id}/rotate-secret',
  'put /v1/companies/{id}/address',
];

describe('what operates the service', () => {
  let service: TestService;
  let document: OpenApi;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    document = (await service.api.get<OpenApi>('/docs/json')).body;
  });

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );

  it('tells how healthy it is', async () => {
    expect(await service.api.get('/v1/health/live')).toMatchObject({ status: 200 });
    const { status, body } = await service.api.get('/v1/health/ready');
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'ready',
      logPosition: 0,
      statePosition: 0,
      lag: 0,
      databases: { log: 'up', state: 'up' },
      queue: {
        waiting: 0,
        limit: expect.any(Number) as unknown,
        status: 'up',
        backend: 'postgres',
        failure: null,
      },
      adapters: ['mailer', 'objects', 'webhooks'].map((name) => ({
        name,
        state: 'closed',
        open: 0,
      })),
      lastVerification: null,
      failure: null,
    });
  });

  it('answers that it is not ready, and why, where the ledger is closed', async () => {
    const own = await startTestService();
    expect((await own.api.get('/v1/accounts')).status).toBe(200);
    await own.open.close();
    const { status, body } = await own.api.get('/v1/health/ready');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      status: 'unavailable',
      databases: { log: 'down', state: 'down' },
      lag: null,
      failure: expect.stringMatching(/./) as unknown,
    });
    const account = { name: 'x', type: 'asset', currency: 'USD' };
    const write = await own.api.post('/v1/accounts', account);
    expect(write).toMatchObject({ status: 503, body: { code: 'ledger_unavailable' } });
    expect(write.headers.get('retry-after')).toBe('1');
    expect((await own.api.get('/v1/health/live')).status).toBe(200);
  });

  it('lets no browser keep a copy, or do with an answer what nobody meant', async () => {
    for (const path of ['/v1/accounts', '/v1/nothing', '/v1/health/live', '/metrics']) {
      for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
        const answer = await service.api.get(path, { headers });
        expect(Object.fromEntries(answer.headers)).toMatchObject({
          'cache-control': 'no-store',
          'content-security-policy': expect.stringContaining("default-src 'self'") as unknown,
          'cross-origin-opener-policy': 'same-origin',
          'cross-origin-resource-policy': 'same-origin',
          'referrer-policy': 'no-referrer',
          'strict-transport-security': expect.stringContaining('max-age=31536000') as unknown,
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'SAMEORIGIN',
        });
      }
    }
  });

  it('has a documentation that a browser may load', async () => {
    const page = await fetch(`${service.url}/docs`);
    const policy = page.headers.get('content-security-policy')!;
    // The service speaks HTTP: a browser that asked for its scripts by HTTPS would get none.
    expect(policy).not.toContain('upgrade-insecure-requests');
    const html = await page.text();
    const scripts = [...html.matchAll(/<script([^>]*)>([^<]*)/g)];
    expect(scripts.length).toBeGreaterThan(2);
    for (const [, attributes, inline] of scripts) {
      expect(inline!.trim()).toBe('');
      const source = /src="\.\/(docs\/[^"]+)"/.exec(attributes!)![1]!;
      const script = await fetch(`${service.url}/${source}`);
      expect(script.status).toBe(200);
      expect(script.headers.get('content-type')).toMatch(/javascript/);
    }
  });

  it('counts what Prometheus asks for', async () => {
    await service.api.get('/v1/accounts/client:nobody');
    const { status, headers, body } = await service.api.get('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    const text = body['text'] as string;
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).toContain('truebook_ledger_queue_length 0');
    expect(text).toContain('truebook_ledger_head_position 0');
    expect(text).toContain('truebook_tasks{status="failed"} 0');
    expect(text).toContain('truebook_adapter_breaker_open{adapter="mailer"} 0');
    expect(text).toMatch(
      /request_duration_seconds_count\{method="GET",route="\/v1\/accounts\/:id",status="404"\} 1/,
    );
  });

  it('documents every endpoint', () => {
    expect(document.openapi).toMatch(/^3\./);
    const endpoints = operations().map(({ method, path }) => `${method} ${path}`);
    expect(endpoints.sort()).toEqual(ENDPOINTS);
    expect(document.components.securitySchemes).toMatchObject({ bearer: { scheme: 'bearer' } });
  });

  it('documents bodies, answers, errors, keys and headers of each', () => {
    for (const { path, method, operation } of operations()) {
      const success = Object.keys(operation.responses).filter((status) => status < '300');
      expect(success).toHaveLength(1);
      expect(operation.responses[success[0]!]!.content).toBeDefined();
      if (path.startsWith('/v1/health')) continue;
      expect(operation.security).toEqual([{ bearer: [] }]);
      expect(operation.responses[success[0]!]!.headers).toHaveProperty('Ledger-Position');
      expect(operation['x-permission']).toMatch(/^[a-z-]+\.[a-z-]+$/);
      for (const status of ['400', '401', '403', '503']) {
        expect(operation.responses[status]!.content).toHaveProperty('application/problem+json');
      }
      if (method === 'get') continue;
      expect(operation.requestBody?.content).toHaveProperty('application/json');
      expect(operation.parameters).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ name: 'Idempotency-Key', in: 'header' }),
          expect.objectContaining({ name: 'dryRun', in: 'query' }),
        ]),
      );
    }
  });

  it('refers only to schemas that are there', () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g);
    const names = [...references].map(([, reference]) => reference!);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      expect(name).toMatch(/^#\/components\/schemas\/./);
      expect(document.components.schemas).toHaveProperty(name.split('/').at(-1)!);
    }
  });

  const documented = (schema: string) => {
    const { properties } = document.components.schemas[schema] as { properties: object };
    return Object.keys(properties).sort();
  };

  it('documents of an account what it answers of one', async () => {
    const account = { clientId: 'a', name: 'x', type: 'asset', currency: 'USD' };
    const { body } = await service.api.post('/v1/accounts', account);
    expect(documented('AccountDto')).toEqual(Object.keys(body).sort());
  });

  it('documents of a task, an event and health what it answers of them', async () => {
    const address = { line1: 'Main Street 1', city: 'Y', postalCode: '1', country: 'US' };
    const company = { clientId: 'c', name: 'x', contactEmail: 'x@example.com', address };
    expect((await service.api.post('/v1/companies', company)).status).toBe(201);
    await service.api.put('/v1/companies/client:c/address', { ...address, city: 'Z' });
    const tasks = (await service.api.get<{ data: object[] }>('/v1/tasks')).body.data;
    expect(documented('TaskDto')).toEqual(Object.keys(tasks[0]!).sort());
    const position = (tasks[0] as { position: number }).position;
    const event = (await service.api.get<{ tasks: object[] }>(`/v1/events/${position}`)).body;
    expect(documented('EventDto')).toEqual(Object.keys(event).sort());
    expect(documented('EventTaskDto')).toEqual(Object.keys(event.tasks[0]!).sort());
    const ready = (await service.api.get<{ queue: object }>('/v1/health/ready')).body;
    expect(documented('ReadyDto')).toEqual(Object.keys(ready).sort());
    expect(documented('QueueDto')).toEqual(Object.keys(ready.queue).sort());
  });

  it('documents of a verification and a replay what it answers of them', async () => {
    const verification = await service.api.post('/v1/admin/replay-verifications');
    expect(documented('VerificationDto')).toEqual(Object.keys(verification.body).sort());
    const replay = await service.api.post('/v1/admin/replays', {}, { dryRun: true });
    expect(documented('ReplayDto')).toEqual(Object.keys(replay.body).sort());
  });
});
