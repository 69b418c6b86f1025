import fastify, { type FastifyInstance } from 'fastify';
import type { ApiKeys } from './api-keys';
import { authenticate } from './authentication';
import type { Caller } from './caller';

const KEYS: Record<string, { name: string; role: string }> = {
  'of-an-admin': { name: 'ann', role: 'admin' },
  'of-a-clerk': { name: 'carl', role: 'clerk' },
};
const keys = { find: (key: string) => KEYS[key] as Caller | undefined };

describe('who may do what', () => {
  let server: FastifyInstance;

  beforeAll(() => {
    server = fastify();
    authenticate(server, keys as ApiKeys);
    for (const path of ['/v1/accounts', '/v1/tasks', '/v1/tasks/:id/retry', '/v1/admin/replays']) {
      server.get(path, () => 'done');
    }
  });

  afterAll(() => server.close());

  const status = async (url: string, key: string) => {
    const { statusCode, json } = await server.inject({
      url,
      headers: { authorization: `Bearer ${key}` },
    });
    return statusCode === 200 ? 'done' : (json<{ code: string }>().code ?? statusCode);
  };

  it.each(['/v1/tasks', '/v1/tasks/1/retry', '/v1/tasks?status=done', '/v1/admin/replays'])(
    'lets administrators alone at %s',
    async (url) => {
      expect(await status(url, 'of-an-admin')).toBe('done');
      expect(await status(url, 'of-a-clerk')).toBe('forbidden');
      expect(await status(url, 'of-nobody')).toBe('unauthorized');
    },
  );

  it('lets everybody with a key at the books', async () => {
    expect(await status('/v1/accounts', 'of-an-admin')).toBe('done');
    expect(await status('/v1/accounts', 'of-a-clerk')).toBe('done');
    expect(await status('/v1/accounts', 'of-nobody')).toBe('unauthorized');
  });
});
