import { ChangeAccount } from '../../../src/books/accounts/account-change.creators';
import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';
import { startInterestBooks } from '../interest/interest-books';

interface Listed {
  data: { clientId: string; group: string | null }[];
  nextCursor: string | null;
}

describe('groups of accounts over HTTP', () => {
  let service: TestService;
  const open = async (clientId: string, group?: string | null) => {
    const account = { clientId, name: clientId, type: 'liability', currency: 'USD' };
    const body = { ...account, ...(group !== undefined && { group }) };
    return service.api.post<{ group: string; position: number }>('/v1/accounts', body);
  };
  const inGroup = async (query: string) => {
    const { status, body } = await service.api.get<Listed>(`/v1/accounts?${query}`);
    expect(status).toBe(200);
    return body;
  };
  const names = async (query: string) =>
    (await inGroup(query)).data.map((account) => account.clientId);

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    for (const [clientId, group] of [
      ['a', 'liabilities'],
      ['b', 'liabilities:customers'],
      ['c', 'liabilities:customers:eu'],
      // Neither is below: in the order of bytes they stand right beside.
      ['d', 'liabilities.other'],
      ['e', 'liabilitiesx'],
      ['f', 'Liabilities:customers'],
      ['g', null],
      ['h', undefined],
      ['i', 'liabilities:customers_2'],
    ] as const) {
      expect(await open(clientId, group)).toMatchObject({
        status: 201,
        body: { group: group ?? null },
      });
    }
  });

  it('are listed with all below them, and nothing beside', async () => {
    expect(await names('group=liabilities')).toEqual(['a', 'b', 'c', 'i']);
    expect(await names('group=liabilities:customers')).toEqual(['b', 'c']);
    expect(await names('group=liabilities:customers:eu')).toEqual(['c']);
    expect(await names('group=liabilities:cust')).toEqual([]);
    expect(await names('group=liabilities&type=asset')).toEqual([]);
    const { data, nextCursor } = await inGroup('group=liabilities&limit=3');
    expect(data).toHaveLength(3);
    expect(await names(`cursor=${nextCursor}`)).toEqual(['i']);
  });

  it('are what they were, as of a position', async () => {
    await open('moving', 'assets:cash');
    const path = '/v1/accounts/client:moving';
    const changed = await service.api.patch<{ group: string; position: number; version: number }>(
      path,
      { group: 'assets:bank' },
    );
    expect(changed).toMatchObject({ status: 200, body: { group: 'assets:bank', version: 2 } });
    const { position } = changed.body;
    const { body: event } = await service.api.get(`/v1/events/${position}`);
    expect(event['data']).toMatchObject({ group: 'assets:bank' });
    const before = await service.api.get(`${path}?atPosition=${position - 1}`);
    expect(before.body['group']).toBe('assets:cash');
    expect(await names('group=assets:bank')).toEqual(['moving']);
    expect(await names('group=assets:cash')).toEqual([]);
    expect(await names(`group=assets:cash&atPosition=${position - 1}`)).toEqual(['moving']);
    expect(await names(`group=assets:bank&atPosition=${position - 1}`)).toEqual([]);
    expect(await names(`group=assets&atPosition=${position}`)).toEqual(['moving']);
    const none = await service.api.patch(path, { group: null });
    expect(none.body).toMatchObject({ group: null, version: 3 });
    expect(await names('group=assets')).toEqual([]);
    // What is so already appends nothing.
    expect((await service.api.patch(path, { group: null })).body).toEqual(none.body);
  });

  it('have names of a form', async () => {
    const eight = Array.from({ length: 8 }, () => 'x'.repeat(40)).join(':');
    expect((await open('long', eight)).status).toBe(201);
    expect(await names(`group=${eight}`)).toEqual(['long']);
    for (const group of ['', ':a', 'a:', 'a::b', 'a b', 'ä', 'x'.repeat(41), `${eight}:x`]) {
      const refused = { status: 400, body: { errors: [{ pointer: '/group' }] } };
      expect(await open('never', group)).toMatchObject(refused);
      const listed = await service.api.get(`/v1/accounts?group=${encodeURIComponent(group)}`);
      expect(listed).toMatchObject(refused);
    }
  });
});

describe('interest of a group', () => {
  it('is that of its open accounts and of all below it', async () => {
    const books = await startInterestBooks();
    const { ledger } = books;
    const inGroup = async (group: string, amount = '1000.00') => {
      const account = await books.open();
      await ledger.accept(ChangeAccount, { accountId: account.id, group });
      if (amount !== '0') await books.post(account, amount, '2025-01-01');
      return account;
    };
    const [one, below] = [await inGroup('savings'), await inGroup('savings:young')];
    await inGroup('savings2');
    const closed = await inGroup('savings', '0');
    await ledger.accept(CloseAccount, { accountId: closed.id });
    const choice = { accountIds: undefined, group: 'savings' };
    const { accruals, skipped } = await books.accrue({ ...choice, through: '2025-01-31' });
    expect(accruals.map((accrual) => accrual.accountId)).toEqual([one.id, below.id]);
    expect(skipped).toEqual([]);
    expect(
      (await books.accrue({ ...choice, group: 'none', through: '2025-01-31' })).accruals,
    ).toEqual([]);
    // One of another type is refused, like one that is named.
    await ledger.accept(ChangeAccount, { accountId: books.cash.id, group: 'savings' });
    const refusal = await books.refusal({ ...choice, through: '2025-02-28' });
    expect(refusal).toEqual({ code: 'account_not_eligible', accountId: books.cash.id });
  });

  it('needs one choice, and not two', async () => {
    const { ledger, ...books } = await startInterestBooks();
    const terms = { through: '2025-01-31', annualRate: '0.1', dayCount: 'actual/365' } as const;
    const input = { ...terms, expenseAccountId: books.expense.id };
    for (const [choice, pointer] of [
      [{}, '/accountIds'],
      [{ accountIds: [books.cash.id], group: 'a' }, '/group'],
    ] as const) {
      const refusal = await ledger.refuse(CalculateInterestOwed, { ...input, ...choice } as never);
      expect(refusal).toMatchObject({
        code: 'validation_failed',
        details: { errors: [{ pointer }] },
      });
    }
  });
});
