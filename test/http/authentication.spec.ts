import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openAdminKey, rotateAdminKey } from '../../src/http/admin-key';
import { ApiClient } from '../harness/api-client';
import { query, testCluster } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { NOTE_TABLES, noteFeatures, TakeNote } from '../harness/notes';
import { startTestService, type TestService } from '../harness/service';
import { waitFor } from '../harness/waiting';

describe('API keys', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Basic YWRtaW46eA==',
    'tb_key-of-the-tests-only',
    'Bearer tb_key-of-the-tests-only2',
    `Bearer ${'x'.repeat(5_000)}`,
  ])('refuses %j', async (authorization) => {
    for (const path of ['/v1/accounts', '/v1/events', '/metrics']) {
      const response = await fetch(`${service.url}${path}`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await response.json()).toMatchObject({ code: 'unauthorized', instance: path });
    }
  });

  it('asks for the key before it reads the body', async () => {
    const response = await fetch(`${service.url}/v1/accounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{broken',
    });
    expect(response.status).toBe(401);
  });

  it.each(['/v1/health/live', '/v1/health/ready', '/docs', '/docs/json'])(
    'needs none for %s',
    async (path) => {
      expect((await fetch(`${service.url}${path}`)).status).toBe(200);
    },
  );

  it('takes the scheme in any case', async () => {
    const headers = { authorization: `bearer ${service.key}` };
    expect((await fetch(`${service.url}/v1/accounts`, { headers })).status).toBe(200);
  });

  it('accepts a new key at once, and forgets the old one', async () => {
    const own = await startTestService();
    expect((await own.api.get('/v1/accounts')).status).toBe(200);
    const other = { dataDir: own.dataDir, configured: 'tb_another-key-of-the-tests' };
    await rotateAdminKey(own.urls.log, other);
    const changed = new ApiClient(own.url, 'tb_another-key-of-the-tests');
    // An unknown key makes the keys be read again, but at most once a second.
    await waitFor('the new key', async () => (await changed.get('/v1/accounts')).status === 200);
    expect((await own.api.get('/v1/accounts')).status).toBe(401);
    // A process that still has the key from before does not bring it back.
    const before = { dataDir: own.dataDir, configured: own.key };
    await expect(openAdminKey(own.urls.log, before)).rejects.toThrow('was withdrawn');
    await expect(rotateAdminKey(own.urls.log, before)).rejects.toThrow('set another one');
    expect(await openAdminKey(own.urls.log, other)).toMatchObject({ isNew: false });
    expect((await own.api.get('/v1/accounts')).status).toBe(401);
  });

  it('changes no key when it starts, whatever the process brings', async () => {
    const own = await startTestService();
    const { log } = own.urls;
    const dirOf = () => mkdtemp(join(testCluster().runDir, 'keys-'));
    const [other, third] = [await dirOf(), await dirOf()];
    const works = async () => (await own.api.get('/v1/accounts')).status;
    // A process with a data directory of its own and no key has nothing to make.
    const none = await openAdminKey(log, { dataDir: other, configured: undefined });
    expect(none).toEqual({ key: undefined, file: undefined, isNew: false });
    expect(await readdir(other)).toEqual([]);
    const set = openAdminKey(log, { dataDir: other, configured: `${own.key}-x` });
    const sentence = /^The admin key of ADMIN_API_KEY is none that this ledger knows: (?!.*-x)/;
    await expect(set).rejects.toThrow(sentence);
    await writeFile(join(third, 'admin-key'), 'tb_of-another-ledger\n');
    const kept = openAdminKey(log, { dataDir: third, configured: undefined });
    await expect(kept).rejects.toThrow(`The admin key of ${join(third, 'admin-key')} is none`);
    expect(await works()).toBe(200);
    // Another one takes its place while the service runs, and no start brings the old one back.
    const source = { dataDir: third, configured: undefined };
    const { key, file } = await rotateAdminKey(log, source);
    expect((await readFile(file!, 'utf8')).trim()).toBe(key);
    const again = openAdminKey(log, { dataDir: other, configured: own.key });
    await expect(again).rejects.toThrow('The admin key of ADMIN_API_KEY was withdrawn');
    expect(await openAdminKey(log, source)).toEqual({ key, file, isNew: false });
    const withNew = new ApiClient(own.url, key!);
    await waitFor('the new key', async () => (await withNew.get('/v1/accounts')).status === 200);
    expect(await works()).toBe(401);
  });

  it('has one key, made by one of the processes that start first', async () => {
    const { urls } = await cloneDatabases();
    const dirs = await Promise.all(
      Array.from({ length: 4 }, () => mkdtemp(join(testCluster().runDir, 'keys-'))),
    );
    const open = (dataDir: string) => openAdminKey(urls.log, { dataDir, configured: undefined });
    const opened = await Promise.all(dirs.map(open));
    expect(opened.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(opened.filter(({ key }) => key !== undefined)).toHaveLength(1);
    const { file } = opened.find(({ isNew }) => isNew)!;
    expect((await stat(file!)).mode & 0o777).toBe(0o600);
    // As a start leaves it that was killed before the ledger knew the key.
    await query(urls.log, 'delete from api_keys');
    const next = await open(join(file!, '..'));
    expect(next).toMatchObject({ file, isNew: false });
    expect((await readFile(file!, 'utf8')).trim()).toBe(next.key);
  });

  it('keeps a hash of the key alone, and nothing of it in the log', async () => {
    const rows = await service.open.logReader.selectFrom('api_keys').selectAll().execute();
    expect(rows).toMatchObject([{ name: 'admin', role: 'admin' }]);
    expect(rows[0]!.key_hash.toString()).not.toContain(service.key);
    await service.api.post('/v1/accounts', { name: 'secret-name', type: 'asset', currency: 'USD' });
    const line = await waitFor('the line of a request', () =>
      service.logged.find((text) => text.includes('"status":201')),
    );
    expect(JSON.parse(line)).toMatchObject({
      requestId: expect.any(String) as unknown,
      method: 'POST',
      path: '/v1/accounts',
      status: 201,
      actor: 'admin',
    });
    const all = service.logged.join('');
    expect(all).not.toContain(service.key);
    expect(all).not.toContain('secret-name');
  });

  it('lets nothing of a request into the log that the database refused', async () => {
    const own = await startTestService();
    const { state } = own.databases.superUrls;
    await query(state, `alter table companies add check (name <> 'secret-row') not valid`);
    const address = { line1: 'secret-row', city: 'Bonn', postalCode: '53113', country: 'DE' };
    const company = { name: 'secret-row', contactEmail: 'secret-row@example.com', address };
    const failed = await own.api.post('/v1/companies', company, { idempotencyKey: 'secret-key' });
    expect(failed).toMatchObject({ status: 500, body: { code: 'internal_error' } });
    await own.api.get('/v1/companies?clientId=secret-query&x=secret-query');
    const line = await waitFor('the error to be logged', () =>
      own.logged.find((text) => text.includes('unforeseen error')),
    );
    expect(JSON.parse(line)).toMatchObject({ err: { code: '23514', table: 'companies' } });
    expect(own.logged.join('')).not.toMatch(/secret-(row|key|query)/);
    await query(state, 'alter table companies drop constraint companies_name_check');
  });

  it('lets nothing of a value into the log that cannot be encoded', async () => {
    const databases = await cloneDatabases({ stateTables: NOTE_TABLES });
    const own = await startTestService({ databases, features: noteFeatures });
    const note = { creator: TakeNote, input: { text: 'secret-word\0' }, actor: 'test' };
    await expect(own.open.ledger.submit(note)).rejects.toThrow('note_lines');
    const line = own.logged.find((text) => text.includes('running ahead stopped'))!;
    const cause = { message: expect.stringMatching(/^word: a value of type string/) as unknown };
    expect(JSON.parse(line)).toMatchObject({ err: { type: 'NotEncoded', cause } });
    expect(own.logged.join('')).not.toContain('secret-word');
  });

  it('gives every answer an id, the sane one of the caller if there is one', async () => {
    const idFor = async (id: string) =>
      (await service.api.get('/v1/nothing', { headers: { 'x-request-id': id } })).headers.get(
        'x-request-id',
      );
    expect(await idFor('abc-1')).toBe('abc-1');
    expect(await idFor('a b')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idFor('x'.repeat(129))).toMatch(/^[0-9a-f-]{36}$/);
  });
});
