import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, { schema: object }>; headers?: object }>;
  security?: object[];
}
interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: object };
}

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
      queue: { waiting: 0, limit: expect.any(Number) as unknown },
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

  it('counts what Prometheus asks for', async () => {
    await service.api.get('/v1/accounts/client:nobody');
    const { status, headers, body } = await service.api.get('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    const text = body['text'] as string;
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).toContain('truebook_ledger_queue_length 0');
    expect(text).toContain('truebook_ledger_head_position 0');
    expect(text).toMatch(
      /request_duration_seconds_count\{method="GET",route="\/v1\/accounts\/:id",status="404"\} 1/,
    );
  });

  it('documents every endpoint', () => {
    expect(document.openapi).toMatch(/^3\./);
    const endpoints = operations().map(({ method, path }) => `${method} ${path}`);
    expect(endpoints.sort()).toEqual([
      'get /v1/accounts',
      'get /v1/accounts/{id}',
      'get /v1/accounts/{id}/entries',
      'get /v1/events',
      'get /v1/events/{position}',
      'get /v1/health/live',
      'get /v1/health/ready',
      'get /v1/reports/trial-balance',
      'get /v1/transactions',
      'get /v1/transactions/{id}',
      'post /v1/accounts',
      'post /v1/accounts/{id}/close',
      'post /v1/transactions',
      'post /v1/transactions/batch',
      'post /v1/transactions/{id}/reverse',
    ]);
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
      for (const status of ['400', '401', '503']) {
        expect(operation.responses[status]!.content).toHaveProperty('application/problem+json');
      }
      if (method !== 'post') continue;
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

  it('documents of an account what it answers of one', async () => {
    const account = { clientId: 'a', name: 'x', type: 'asset', currency: 'USD' };
    const { body } = await service.api.post('/v1/accounts', account);
    const schema = document.components.schemas['AccountDto'] as { properties: object };
    expect(Object.keys(schema.properties).sort()).toEqual(Object.keys(body).sort());
  });
});
