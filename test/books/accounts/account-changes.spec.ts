import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';
import type { ApiAnswer } from '../../harness/api-client';

interface Account {
  id: string;
  version: number;
  position: number;
}

describe('changes of accounts over HTTP', () => {
  let service: TestService;
  let made = 0;

  const open = async (body: object = {}): Promise<{ path: string; account: Account }> => {
    const clientId = `account-${++made}`;
    const defaults = { clientId, name: 'An account', type: 'asset', currency: 'USD' };
    const { status, body: account } = await service.api.post<Account>('/v1/accounts', {
      ...defaults,
      ...body,
    });
    expect(status).toBe(201);
    return { path: `/v1/accounts/client:${clientId}`, account };
  };
  const post = (debit: Account, credit: Account, amount: string, rest: object = {}) =>
    service.api.post<{ id: string; position: number }>('/v1/transactions', {
      description: 'A transfer',
      postings: [
        { accountId: debit.id, direction: 'debit', amount, ...rest },
        { accountId: credit.id, direction: 'credit', amount },
      ],
    });
  const read = async (path: string, query = '') => (await service.api.get(`${path}${query}`)).body;
  const code = ({ status, body }: ApiAnswer) => [status, body['code']];

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
  });

  it('changes the fields that are given, and shows what they were', async () => {
    const { path, account } = await open({ metadata: { a: '1', b: '2' }, minBalance: '-10' });
    const { account: other } = await open();
    await post(account, other, '5');
    const change = { name: 'Renamed', metadata: { c: '3' }, maxBalance: '7.5' };
    const changed = await service.api.patch<Account>(path, change);
    const { position } = changed.body;
    const result = { ...change, maxBalance: '7.50', minBalance: '-10.00', balance: '5.00' };
    expect(changed).toMatchObject({ status: 200, body: { ...result, version: 3 } });
    expect(await read(path)).toEqual(changed.body);
    const before = { name: 'An account', metadata: { a: '1', b: '2' }, maxBalance: null };
    expect(await read(path, `?atPosition=${position - 1}`)).toMatchObject({
      ...{ ...before, minBalance: '-10.00', balance: '5.00', version: 2 },
      position: position - 1,
    });
    expect((await read(`/v1/events/${position}`))['data']).toEqual({
      ...{ accountId: account.id, name: 'Renamed', metadata: { c: '3' }, maxBalance: '7.50' },
    });
    await post(other, account, '1');
    await service.api.patch(path, { minBalance: null });
    expect(await read(path)).toMatchObject({ minBalance: null, version: 5, balance: '4.00' });
    expect(await read(path, `?atPosition=${position + 1}`)).toMatchObject({
      ...{ ...result, balance: '4.00', version: 4, position: position + 1 },
    });
    const listed = await read('/v1/accounts', `?clientId=account-1&atPosition=${position}`);
    expect(listed['data']).toMatchObject([{ name: 'Renamed', version: 3 }]);
    const balances = await read('/v1/reports/trial-balance', `?atPosition=${position - 1}`);
    expect(JSON.stringify(balances)).not.toContain('Renamed');
  });

  it('appends nothing where nothing changes', async () => {
    const { path, account } = await open({ metadata: { a: '1' }, minBalance: '0' });
    const same = { name: 'An account', metadata: { a: '1' }, minBalance: '0.0', maxBalance: null };
    for (const body of [{}, same]) {
      expect(await service.api.patch(path, body)).toMatchObject({ status: 200, body: account });
    }
  });

  it('refuses limits that the balance does not meet, and what is no limit', async () => {
    const { path, account } = await open();
    const { account: other } = await open();
    await post(account, other, '5');
    const change = (body: object) => service.api.patch(path, body);
    expect(code(await change({ minBalance: '5.01' }))).toEqual([422, 'limit_not_met']);
    expect(code(await change({ maxBalance: '4.99' }))).toEqual([422, 'limit_not_met']);
    expect((await change({ minBalance: '5', maxBalance: '5.00' })).status).toBe(200);
    for (const [body, pointer] of [
      [{ minBalance: '5.001' }, '/minBalance'],
      [{ minBalance: '6' }, '/minBalance'],
      [{ name: '' }, '/name'],
      [{ currency: 'EUR' }, '/currency'],
    ] as const) {
      expect(await change(body)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
    }
    expect(code(await post(account, other, '0.01'))).toEqual([422, 'balance_limit_exceeded']);
    expect(code(await post(other, account, '0.01'))).toEqual([422, 'insufficient_funds']);
    expect(await change({ name: 'Another' })).toMatchObject({ status: 200 });
    expect(code(await service.api.patch('/v1/accounts/client:nobody', {}))[0]).toBe(404);
  });

  it.each([
    ['debits', 422, 201],
    ['credits', 201, 422],
    ['all', 422, 422],
  ])('has nothing posted to frozen %s', async (side, debit, credit) => {
    const { path, account } = await open();
    const { account: other } = await open();
    const debited = await post(account, other, '5');
    const credited = await post(other, account, '3');
    const reason = 'A court order';
    const frozen = await service.api.post<Account>(`${path}/freeze`, { side, reason });
    expect(frozen).toMatchObject({ status: 200, body: { frozen: side, version: 4 } });
    const repeated = await service.api.post(`${path}/freeze`, { side, reason });
    expect(repeated.body).toEqual(frozen.body);
    const answers = [await post(account, other, '1'), await post(other, account, '1')];
    expect(answers.map((a) => a.status)).toEqual([debit, credit]);
    for (const { body } of answers.filter((a) => a.status === 422)) {
      expect(body).toMatchObject({ code: 'account_frozen', accountId: account.id });
    }
    // A reversal posts to the other side.
    const reverse = ({ body }: typeof debited) =>
      service.api.post(`/v1/transactions/${body.id}/reverse`);
    expect([(await reverse(credited)).status, (await reverse(debited)).status]).toEqual([
      ...[debit, credit],
    ]);
    const before = `?atPosition=${frozen.body.position - 1}`;
    expect(await read(path, before)).toMatchObject({ frozen: null, version: 3 });
    const unfrozen = await service.api.post(`${path}/unfreeze`, { reason });
    expect(unfrozen).toMatchObject({ status: 200, body: { frozen: null } });
    const again = await service.api.post(`${path}/unfreeze`, { reason });
    expect(code(again)).toEqual([409, 'account_not_frozen']);
    expect((await post(account, other, '1')).status).toBe(201);
    expect((await post(other, account, '1')).status).toBe(201);
  });

  it('opens again what was closed, any number of times', async () => {
    const { path, account } = await open();
    const { account: other } = await open();
    const reopen = () => service.api.post(`${path}/reopen`, { reason: 'Closed the wrong one' });
    expect(code(await reopen())).toEqual([409, 'account_not_closed']);
    const closed: number[] = [];
    for (let round = 0; round < 2; round++) {
      const { body } = await service.api.post<Account>(`${path}/close`);
      closed.push(body.position);
      expect(code(await post(account, other, '1'))).toEqual([422, 'account_closed']);
      expect(await reopen()).toMatchObject({ status: 200, body: { status: 'open' } });
      expect((await post(account, other, '1')).status).toBe(201);
      expect((await post(other, account, '1')).status).toBe(201);
    }
    for (const position of closed) {
      const at = async (n: number) => (await read(path, `?atPosition=${n}`))['status'];
      const around = [await at(position - 1), await at(position), await at(position + 1)];
      expect(around).toEqual(['open', 'closed', 'open']);
    }
    expect((await read(path))['version']).toBe(9);
  });

  it('is part of what a diff tells', async () => {
    const { path, account } = await open();
    const { account: other } = await open();
    const from = Number((await service.api.get(path)).headers.get('ledger-position'));
    await service.api.post(`${path}/freeze`, { side: 'debits', reason: 'A reason' });
    await post(other, account, '1');
    await service.api.patch(path, { name: 'Renamed' });
    const { data } = await read('/v1/diff', `?from=${from}`);
    const [diff] = data as { accountId: string; changes: number; events: { type: string }[] }[];
    expect(diff).toMatchObject({ accountId: account.id, name: 'Renamed', changes: 3 });
    expect(diff!.events.map((e) => e.type)).toEqual([
      ...['AccountFrozen', 'TransactionPosted', 'AccountChanged'],
    ]);
  });

  it('posts only where an account has the version that was asked for', async () => {
    const { path, account } = await open();
    const { account: other } = await open();
    const at = (accountVersion: number) => post(account, other, '1', { accountVersion });
    expect(code(await at(2))).toEqual([409, 'account_version_mismatch']);
    const rivals = await Promise.all(Array.from({ length: 6 }, () => at(1)));
    expect(rivals.map((a) => a.status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    expect((await at(2)).status).toBe(201);
    await service.api.patch(path, { name: 'Renamed' });
    expect((await at(3)).body).toMatchObject({
      code: 'account_version_mismatch',
      accountId: account.id,
    });
    expect((await at(4)).status).toBe(201);
    for (const wrong of [0, 1.5, '1', null]) {
      const { status, body } = await post(account, other, '1', { accountVersion: wrong });
      const errors = [{ pointer: '/postings/0/accountVersion' }];
      expect({ status, body }).toMatchObject({ status: 400, body: { errors } });
    }
  });
});
