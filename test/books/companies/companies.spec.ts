import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';

interface Company {
  id: string;
  clientId: string | null;
  address: object;
  version: number;
  position: number;
}
interface Page {
  data: Company[];
  nextCursor: string | null;
}
interface Task {
  name: string;
  subject: string;
  payload: Record<string, unknown>;
}

const ADDRESS = { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
const COMPANY = { name: 'Acme', contactEmail: 'ceo@acme.example', address: ADDRESS };
const NULLS = { line2: null, region: null };

describe('companies over HTTP', () => {
  let service: TestService;
  let acme: Company;

  const head = async () =>
    Number((await service.api.get('/v1/events?limit=1')).headers.get('ledger-position'));
  const tasks = (after: number) =>
    query<Task>(
      service.urls.log,
      'select name, subject, payload from task_log where position > $1 order by position',
      [after],
    );
  const create = (body: object = {}, options = {}) =>
    service.api.post<Company>('/v1/companies', { ...COMPANY, ...body }, options);
  const move = (to: object, options = {}, reference = 'client:acme') =>
    service.api.put<Company>(`/v1/companies/${reference}/address`, { ...ADDRESS, ...to }, options);

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    const created = await create({ clientId: 'acme' });
    expect(created.status).toBe(201);
    acme = created.body;
  });

  it('answers a company with everything that the API promises', async () => {
    const byClientId = await service.api.get('/v1/companies/client:acme');
    expect(byClientId.status).toBe(200);
    expect(byClientId.headers.get('ledger-position')).toBe(String(await head()));
    expect(byClientId.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      clientId: 'acme',
      name: 'Acme',
      contactEmail: 'ceo@acme.example',
      address: { ...ADDRESS, ...NULLS },
      version: 1,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
      position: 1,
    });
    expect(byClientId.body).toEqual(acme);
    const byId = await service.api.get(`/v1/companies/${acme.id.toUpperCase()}`);
    expect(byId.body).toEqual(acme);
    const unknown = await service.api.get('/v1/companies/client:nobody');
    expect(unknown).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('changes an address: one event, one task, and the next read sees it', async () => {
    const before = await head();
    const to = { line2: 'Hof', region: null };
    const changed = await move(to);
    expect(changed.status).toBe(200);
    expect(changed.headers.get('ledger-position')).toBe(String(before + 1));
    const address = { ...ADDRESS, ...NULLS, ...to };
    const { version } = acme;
    expect(changed.body).toEqual({
      ...acme,
      address,
      version: version + 1,
      position: before + 1,
    });
    const read = await service.api.get('/v1/companies/client:acme');
    expect(read.body).toEqual(changed.body);
    const event = await service.api.get(`/v1/events/${before + 1}`);
    expect(event.body).toMatchObject({
      type: 'CompanyAddressChanged',
      data: { companyId: acme.id, address },
      tasks: [{ name: 'company.address-changed-email', status: 'recorded' }],
    });
    expect(await tasks(before)).toEqual([
      {
        name: 'company.address-changed-email',
        subject: 'ceo@acme.example',
        payload: {
          companyId: acme.id,
          companyName: 'Acme',
          contactEmail: 'ceo@acme.example',
          address,
          changedAt: event.body['occurredAt'],
        },
      },
    ]);
    await move({});
  });

  it('does nothing for the address that is there already', async () => {
    const company = (await service.api.get<Company>('/v1/companies/client:acme')).body;
    const before = await head();
    for (const same of [{}, NULLS, { line2: ' ', line1: ' Main St 1 ' }]) {
      const answer = await move(same, { idempotencyKey: `same ${JSON.stringify(same)}` });
      expect(answer).toMatchObject({ status: 200, body: company });
      expect(answer.headers.get('ledger-position')).toBe(String(before));
      const again = await move(same, { idempotencyKey: `same ${JSON.stringify(same)}` });
      expect(again).toMatchObject({ status: 200, body: company });
      expect(again.headers.get('idempotency-hit')).toBe('true');
    }
    expect(await head()).toBe(before);
    expect(await tasks(before)).toEqual([]);
  });

  it('does a change once where the request is repeated, whatever came in between', async () => {
    const before = await head();
    const first = await move({ city: 'Berlin' }, { idempotencyKey: 'to Berlin' });
    await move({ city: 'Hamburg' });
    const again = await move({ city: 'Berlin' }, { idempotencyKey: 'to Berlin' });
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(again.headers.get('ledger-position')).toBe(String(before + 1));
    expect(await tasks(before)).toHaveLength(2);
    const other = await move({ city: 'Bonn' }, { idempotencyKey: 'to Berlin' });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
    const read = await service.api.get('/v1/companies/client:acme');
    expect(read.body).toMatchObject({ address: { city: 'Hamburg' } });
  });

  it('makes one event of the same change that comes many times at once', async () => {
    const before = await head();
    const answers = await Promise.all(Array.from({ length: 20 }, () => move({ city: 'Köln' })));
    expect(answers.map((a) => a.status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(new Set(answers.map((a) => a.body.position))).toEqual(new Set([before + 1]));
    expect(await tasks(before)).toHaveLength(1);
  });

  it('answers a dry run in full, keeps nothing and asks for nothing', async () => {
    const before = await head();
    const dryRun = { dryRun: true, idempotencyKey: 'dry' };
    const moved = await move({ city: 'Trier' }, dryRun);
    expect(moved).toMatchObject({ status: 200, body: { address: { city: 'Trier' } } });
    expect(moved.headers.get('dry-run')).toBe('true');
    const created = await create({ clientId: 'dry' }, dryRun);
    expect(created).toMatchObject({ status: 201, body: { clientId: 'dry' } });
    expect(await head()).toBe(before);
    expect(await tasks(before)).toEqual([]);
    expect((await service.api.get('/v1/companies/client:dry')).status).toBe(404);
    const read = await service.api.get<Company>('/v1/companies/client:acme');
    expect(read.body.address).not.toMatchObject({ city: 'Trier' });
    expect((await move({ city: 'Trier' }, { idempotencyKey: 'dry' })).body.version).toBe(
      moved.body.version,
    );
  });

  it('lists companies in order, page by page and by client id', async () => {
    const second = (await create({ clientId: 'second' })).body;
    const list = async (filter: string) =>
      (await service.api.get<Page>(`/v1/companies?${filter}`)).body;
    const first = await list('limit=1');
    expect(first.data.map((c) => c.id)).toEqual([acme.id]);
    const rest = await list(`limit=1&cursor=${first.nextCursor}`);
    expect(rest).toEqual({ data: [second], nextCursor: null });
    expect((await list('')).data).toHaveLength(2);
    expect((await list('clientId=second')).data).toEqual([second]);
    expect((await list('clientId=nobody')).data).toEqual([]);
    const taken = await create({ clientId: 'second' });
    expect(taken).toMatchObject({ status: 409, body: { code: 'client_id_taken' } });
  });

  it.each<[object, string[]]>([
    [{ name: '' }, ['/name']],
    [{ name: ' \u00a0' }, ['/name']],
    [{ name: 'two\nlines' }, ['/name']],
    [{ name: 'x'.repeat(501) }, ['/name']],
    [{ contactEmail: 'nobody' }, ['/contactEmail']],
    [{ contactEmail: 'a@b.example\r\nBcc: c@d.example' }, ['/contactEmail']],
    [{ contactEmail: 'a@b.example, c@d.example' }, ['/contactEmail']],
    [{ contactEmail: 'A <a@b.example>' }, ['/contactEmail']],
    [{ contactEmail: undefined }, ['/contactEmail']],
    [{ clientId: 'a b' }, ['/clientId']],
    [{ address: undefined }, ['/address']],
    [{ address: null }, ['/address']],
    [{ address: [ADDRESS] }, ['/address']],
    [{ address: 'Main St 1' }, ['/address']],
    [{ address: { ...ADDRESS, line1: ' ' } }, ['/address/line1']],
    [{ address: { ...ADDRESS, line2: 7 } }, ['/address/line2']],
    [{ address: { ...ADDRESS, city: 'Bonn\u2028Köln' } }, ['/address/city']],
    [{ address: { ...ADDRESS, country: ' ' } }, ['/address/country']],
    [{ address: { ...ADDRESS, country: 'x'.repeat(101) } }, ['/address/country']],
    [{ address: { ...ADDRESS, street: 'x' } }, ['/address/street']],
    [
      { address: {} },
      ['/address/line1', '/address/city', '/address/postalCode', '/address/country'],
    ],
    [{ phone: '1' }, ['/phone']],
  ])('refuses the company %j at %j', async (change, pointers) => {
    const { status, body } = await create(change);
    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 'validation_failed',
      errors: pointers.map((pointer) => ({ pointer })),
    });
  });

  it.each<[object, string]>([
    [{ line1: undefined }, '/line1'],
    [{ postalCode: '1'.repeat(21) }, '/postalCode'],
    [{ region: 'a\u0085b' }, '/region'],
    [{ name: 'Acme' }, '/name'],
  ])('refuses the address %j at %s', async (change, pointer) => {
    const { status, body } = await move(change);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
  });

  it('refuses a PUT to nothing, and one that is asked for what it does not know', async () => {
    for (const reference of ['client:nobody', 'nonsense', acme.id.replace(/.$/, 'g')]) {
      const answer = await move({}, {}, reference);
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    const path = `/v1/companies/client:acme/address?dryRun=yes&x=1`;
    const answer = await service.api.put(path, ADDRESS, { idempotencyKey: '"' });
    const { errors } = answer.body as { errors: { pointer: string }[] };
    expect(errors.map((e) => e.pointer).sort()).toEqual(['/Idempotency-Key', '/dryRun', '/x']);
  });
});
