import type { TestService } from '../harness/service';

/** A page of a list. */
export interface List {
  data: object[];
  nextCursor: string | null;
}

/** A page whose rows are entries: of a statement, or of those that a general ledger has. */
export interface EntryPage {
  readonly entries?: object[];
  readonly accounts?: readonly { readonly entries: object[] }[];
}

/** The rows of a page. */
export function rowsOf(body: Partial<List> & EntryPage): object[] {
  const { data, entries, accounts = [] } = body;
  return data ?? entries ?? accounts.flatMap((account) => account.entries);
}

const ADDRESS = { line1: 'Main Street 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
/** Where several of everything are, and a filter that fits them and another that does not. */
export const FILTERED: readonly [string, string, string][] = [
  ['/v1/accounts', 'currency=USD', 'type=asset'],
  ['/v1/accounts/client:cash/entries', 'from=2000-01-01', 'to=2000-01-01'],
  ['/v1/accounts/client:cash/statement', 'from=2000-01-01', 'to=2999-01-01'],
  ['/v1/accounts/client:cash/history', '', 'status=open'],
  ['/v1/transactions/client:undone/history', '', 'status=open'],
  ['/v1/companies/client:acme/history', '', 'status=open'],
  ['/v1/orders/client:undone/history', '', 'status=open'],
  ['/v1/holds/client:undone/history', '', 'status=open'],
  ['/v1/webhook-subscriptions/client:hook/history', '', 'status=open'],
  ['/v1/reports/general-ledger', 'from=2000-01-01', 'to=2999-01-01'],
  ['/v1/transactions', 'accountId=client:cash', 'clientId=nobody'],
  ['/v1/companies', '', 'clientId=acme'],
  ['/v1/currencies', '', 'source=own'],
  ['/v1/interest-accruals', '', 'accountId=client:cash'],
  ['/v1/limits', 'accountId=client:cash', 'accountId=client:equity'],
  ['/v1/period-closes', '', 'status=open'],
  ['/v1/period-closes/{id}/late-entries', '', 'status=open'],
  ['/v1/holds', 'accountId=client:cash', 'status=voided'],
  ['/v1/scheduled-transactions', 'accountId=client:cash', 'status=cancelled'],
  ['/v1/orders', 'status=placed', 'status=settled'],
  ['/v1/events', 'type=AccountOpened', 'after=3'],
  ['/v1/tasks', 'status=recorded', 'subject=nobody'],
  ['/v1/webhook-subscriptions', 'status=active', 'status=disabled'],
  ['/v1/webhook-subscriptions/client:hook/deliveries', '', 'status=done'],
  ['/v1/diff', 'from=0', 'from=1'],
  ['/v1/diff/client:cash/events', 'from=0', 'from=1'],
  ['/v1/admin/replay-verifications', 'status=aborted', 'status=passed'],
  ['/v1/admin/replays', 'status=aborted', 'status=swapped'],
  ['/v1/admin/event-backups', '', 'status=done'],
];

/**
 * Makes three or more of everything that is listed, and events that change it.
 * @returns the id of a close that was opened again: closes have no client ids
 */
export async function makeEverything({ api }: TestService): Promise<string> {
  const post = async (path: string, body: object = {}) => {
    const { status, body: made } = await api.post<{ id: string }>(path, body);
    expect([path, status, made]).toEqual([path, status < 300 ? status : 200, made]);
    return made;
  };
  /** A replay's request waits for its end, so it is aborted while that waits. */
  const queuedAndAborted = async (path: string) => {
    const asked = post(path);
    let id: string | undefined;
    while (id === undefined) {
      const { body } = await api.get<{ data: { id: string }[] }>(`${path}?status=queued`);
      id = body.data[0]?.id;
    }
    await post(`${path}/${id}/abort`);
    await asked;
  };
  for (const name of ['hook', 'other']) {
    const url = `https://example.com/${name}`;
    await post('/v1/webhook-subscriptions', { clientId: name, url, eventTypes: '*' });
  }
  for (const clientId of ['cash', 'equity', 'more']) {
    await post('/v1/accounts', { clientId, name: clientId, type: 'equity', currency: 'USD' });
  }
  const postings = [
    { accountId: 'client:cash', direction: 'debit', amount: '1' },
    { accountId: 'client:equity', direction: 'credit', amount: '1' },
  ];
  for (let i = 0; i < 3; i++) await post('/v1/transactions', { description: 'x', postings });
  for (const clientId of ['acme', 'bcme', undefined]) {
    const mail = { name: 'A', contactEmail: 'a@example.com', address: ADDRESS };
    await post('/v1/companies', { ...mail, ...(clientId && { clientId }) });
  }
  const order = { companyId: 'client:acme', side: 'buy', symbol: 'ACME', quantity: '1' };
  const accounts = { cashAccountId: 'client:cash', settlementAccountId: 'client:more' };
  for (let i = 0; i < 3; i++) await post('/v1/orders', { ...order, ...accounts });
  await accrue(post);
  const closeId = await closeAndPostLate(post);
  const scheduled = { description: 'A', postings, postOn: '2999-12-31' };
  for (let i = 0; i < 3; i++) await post('/v1/scheduled-transactions', scheduled);
  const limit = { direction: 'debit', currency: 'USD', count: 99, per: 'day' };
  for (let i = 0; i < 3; i++) await post('/v1/limits', { accountId: 'client:cash', ...limit });
  const held = ['debit', 'credit'].map((direction) => {
    return { accountId: 'client:cash', direction, amount: '1' };
  });
  for (let i = 0; i < 3; i++) await post('/v1/holds', { description: 'A', postings: held });
  for (const runs of ['/v1/admin/replay-verifications', '/v1/admin/replays']) {
    for (let i = 0; i < 3; i++) await queuedAndAborted(runs);
  }
  for (const reason of ['one', 'two', 'three']) {
    const data = {
      ...(await api.get<{ data: object }>('/v1/events/6')).body.data,
      description: reason,
    };
    await post('/v1/admin/events/6/amend', { data, reason });
  }
  await changeSome(post, api, { order: { ...order, ...accounts }, postings, held });
  return closeId;
}

type Post = (path: string, body?: object) => Promise<{ id: string }>;

async function accrue(post: Post): Promise<void> {
  const savings = { clientId: 'savings', name: 'Savings', type: 'liability', currency: 'USD' };
  await post('/v1/accounts', savings);
  await post('/v1/accounts', { ...savings, clientId: 'interest', type: 'expense' });
  const terms = { annualRate: '0.01', dayCount: 'actual/365', accountIds: ['client:savings'] };
  for (const through of ['1950-01-31', '1950-02-28', '1950-03-31']) {
    const accrual = { ...terms, through, expenseAccountId: 'client:interest' };
    await post('/v1/interest-accruals', accrual);
  }
}

async function closeAndPostLate(post: Post): Promise<string> {
  let closeId = '';
  for (const through of ['1950-01-31', '1950-02-28', '1950-03-31']) {
    closeId = (await post('/v1/period-closes', { through })).id;
  }
  await post(`/v1/period-closes/${closeId}/reopen`, { reason: 'Late' });
  const postings = [
    { accountId: 'client:cash', direction: 'debit', amount: '1' },
    { accountId: 'client:more', direction: 'credit', amount: '1' },
  ];
  for (const description of ['one', 'two', 'three']) {
    await post('/v1/transactions', { description, effectiveDate: '1950-03-01', postings });
  }
  return closeId;
}

/** Has one of everything whose history is listed be changed. */
async function changeSome(
  post: (path: string, body?: object) => Promise<unknown>,
  api: TestService['api'],
  { order, postings, held }: { order: object; postings: object[]; held: object[] },
): Promise<void> {
  const undone = { clientId: 'undone' };
  await post('/v1/transactions', { ...undone, description: 'x', postings });
  await post('/v1/transactions/client:undone/reverse');
  await post('/v1/orders', { ...undone, ...order });
  await post('/v1/orders/client:undone/cancel');
  await post('/v1/holds', { ...undone, description: 'A', postings: held });
  await post('/v1/holds/client:undone/void');
  await post('/v1/webhook-subscriptions/client:hook/rotate-secret');
  await api.put('/v1/companies/client:acme/address', { ...ADDRESS, city: 'Rome' });
}
