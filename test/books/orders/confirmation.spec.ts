import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openObjectStore } from '../../../src/outside/adapters/object-store';
import type { ConfirmationUpload } from '../../../src/books/orders/order.materializers';
import { ConfirmationUploads } from '../../../src/books/orders/order.tasks';
import type { TaskContext } from '../../../src/engine/define/task-handler';
import { query, testCluster } from '../../harness/cluster';
import { startTestService, type TestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';

const COMPANY = {
  clientId: 'acme',
  name: 'Käse & Söhne',
  contactEmail: 'ceo@acme.example',
  address: { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' },
};
const ORDER = {
  ...{ clientId: 'first', companyId: 'client:acme', side: 'sell', symbol: 'XYZ', quantity: '2' },
  ...{ cashAccountId: 'client:cash', settlementAccountId: 'client:broker' },
};
const ACCOUNTS = [
  ['cash', 'cashAccountId'],
  ['broker', 'settlementAccountId'],
  ['fees', 'feeAccountId'],
] as const;
const SETTLE = {
  ...{ executedAmount: '10', fee: '0.5', feeAccountId: 'client:fees' },
  settledAt: '2026-03-04T05:06:07Z',
};

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('the confirmation of a settled order', () => {
  const make = async (service: TestService, path: string, body: object) => {
    const { status, headers, body: resource } = await service.api.post(path, body);
    expect(status).toBeLessThan(300);
    return { position: headers.get('ledger-position'), resource };
  };

  it('lies in the object storage once the order has settled', async () => {
    const service = await startTestService({ tasks: 'work' });
    const { resource: company } = await make(service, '/v1/companies', COMPANY);
    const accountIds: Record<string, unknown> = {};
    for (const [clientId, role] of ACCOUNTS) {
      const account = { clientId, name: clientId, type: 'asset', currency: 'USD' };
      accountIds[role] = (await make(service, '/v1/accounts', account)).resource['id'];
    }
    await make(service, '/v1/orders', ORDER);
    const { position, resource } = await make(service, '/v1/orders/client:first/settle', SETTLE);
    const taskId = await waitFor('the confirmation to be written', async () => {
      type Event = { tasks: { taskId: string; status: string }[] };
      const { tasks } = (await service.api.get<Event>(`/v1/events/${position}`)).body;
      expect(tasks).toHaveLength(1);
      return tasks[0]!.status === 'done' && tasks[0]!.taskId;
    });
    const folder = join(service.dataDir, 'objects', 'confirmations');
    expect(await readdir(folder)).toEqual([`${taskId}.json`]);
    const bytes = await readFile(join(folder, `${taskId}.json`));
    expect(JSON.parse(bytes.toString())).toEqual({
      document: 'order-confirmation',
      orderId: resource['id'],
      clientId: 'first',
      company: { id: company['id'], name: 'Käse & Söhne' },
      ...{ side: 'sell', symbol: 'XYZ', quantity: '2', currency: 'USD' },
      ...{ executedAmount: '10.00', fee: '0.50', cashAmount: '9.50' },
      ...accountIds,
      transactionId: resource['transactionId'],
      placedAt: resource['createdAt'],
      settledAt: '2026-03-04T05:06:07.000Z',
    });
    const deliveries = await query<{ result: object }>(
      service.urls.log,
      'select result from task_delivery where task_id = $1',
      [taskId],
    );
    const location = `objects/confirmations/${taskId}.json`;
    expect(deliveries).toEqual([{ result: { location, sha256: sha256Of(bytes) } }]);
  });

  it('is the same document in the same place on another attempt', async () => {
    const dataDir = await mkdtemp(join(testCluster().runDir, 'objects-'));
    const objects = await openObjectStore({ dataDir, objectStore: undefined });
    const handler = new ConfirmationUploads(objects);
    const id = (last: number) => `0192aaaa-0000-7000-8000-00000000000${last}`;
    const payload: ConfirmationUpload = {
      ...{ orderId: id(1), clientId: null, companyId: id(2), companyName: 'Acme', side: 'buy' },
      ...{ symbol: 'XYZ', quantity: '0.5', executedAmount: '1.00', fee: '0.00' },
      ...{ cashAmount: '1.00', currency: 'USD', cashAccountId: id(3), settlementAccountId: id(4) },
      ...{ feeAccountId: null, transactionId: id(5), placedAt: '2026-03-04T05:06:07.089Z' },
      settledAt: '2026-03-05T00:00:00.000Z',
    };
    // As the log gives it back: with its keys in another order.
    const sorted = Object.fromEntries(Object.entries(payload).sort()) as typeof payload;
    const context = { taskId: id(6), signal: new AbortController().signal } as TaskContext;
    const first = await handler.run(payload, context);
    const file = join(dataDir, 'objects', 'confirmations', `${id(6)}.json`);
    const bytes = await readFile(file);
    const location = `objects/confirmations/${id(6)}.json`;
    expect(first).toEqual({ location, sha256: sha256Of(bytes) });
    expect(await handler.run(sorted, { ...context, attempt: 2 })).toEqual(first);
    expect(await readdir(join(file, '..'))).toHaveLength(1);
    expect(await readFile(file)).toEqual(bytes);
    await objects.close();
  });
});
