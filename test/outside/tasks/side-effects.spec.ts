import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import type { ReplayReport } from '../../../src/proof/replay/report';
import {
  changeAddress,
  createCompanies,
  expectNoTrace,
  settledAddresses,
  type ChangedAddress,
} from '../../harness/address-changes';
import { query } from '../../harness/cluster';
import { runScript } from '../../harness/script';
import { startTestService, type TestService } from '../../harness/service';

const EMAIL = 'company.address-changed-email';
const UPLOAD = 'order.confirmation-upload';

interface EventTask {
  taskId: string;
  name: string;
  status: string;
}

/** Every file of the outbox and the object store: when it was written, and what is in it. */
async function files({ dataDir }: TestService): Promise<Map<string, readonly [number, string]>> {
  const found = new Map<string, readonly [number, string]>();
  for (const folder of ['outbox', 'objects']) {
    const names = await readdir(join(dataDir, folder), { recursive: true }).catch(() => []);
    for (const name of names.sort()) {
      const path = join(dataDir, folder, name);
      const { mtimeMs, isFile } = await stat(path).then((s) => ({ ...s, isFile: s.isFile() }));
      if (isFile) found.set(`${folder}/${name}`, [mtimeMs, await readFile(path, 'utf8')]);
    }
  }
  return found;
}

async function tasksOf({ api }: TestService, position: number): Promise<EventTask[]> {
  const { body } = await api.get<{ tasks: EventTask[] }>(`/v1/events/${position}`);
  return body.tasks;
}

/** Everything that says what was and what is to be delivered. */
async function taskTables({ urls }: TestService): Promise<unknown> {
  const tables = ['task_log', 'task_delivery', 'task_dispatch'];
  return Promise.all(
    tables.map((name) => query(urls.log, `select t::text from ${name} t order by 1`)),
  );
}

/** An order that settled. @returns its id and the position of what says so */
async function settleOrder({ api }: TestService, companyId: string) {
  const accounts: string[] = [];
  for (const name of ['Cash', 'Securities', 'Fees']) {
    const body = { name, type: name === 'Fees' ? 'expense' : 'asset', currency: 'USD' };
    accounts.push((await api.post<{ id: string }>('/v1/accounts', body)).body.id);
  }
  const [cashAccountId, settlementAccountId, feeAccountId] = accounts;
  const placed = await api.post<{ id: string }>('/v1/orders', {
    ...{ companyId, side: 'buy', symbol: 'ACME', quantity: '10.5' },
    ...{ cashAccountId, settlementAccountId },
  });
  expect(placed.status).toBe(201);
  const settled = await api.post(`/v1/orders/${placed.body.id}/settle`, {
    ...{ executedAmount: '105', fee: '1.5', feeAccountId, settledAt: '2026-01-31T10:00:00Z' },
  });
  expect(settled).toMatchObject({ status: 200, body: { status: 'settled' } });
  const events = await api.get<{ data: { type: string; position: number }[] }>('/v1/events');
  const { position } = events.body.data.find(({ type }) => type === 'OrderSettled')!;
  return { orderId: placed.body.id, position };
}

describe('what events ask for', () => {
  it('a changed address: one mail in the outbox, and the event shows that it is done', async () => {
    const service = await startTestService({ tasks: 'work' });
    const { api } = service;
    const [company] = await createCompanies(api, 1);
    const { body } = await changeAddress(api, company!, 'a new one');
    const [{ taskId }] = (await settledAddresses(service.urls)) as [ChangedAddress];
    expect(await tasksOf(service, body.position)).toEqual([
      { taskId, name: EMAIL, status: 'done' },
    ]);
    const list = await api.get<{ data: { position: number; tasks: EventTask[] }[] }>('/v1/events');
    expect(list.body.data.map(({ tasks }) => tasks.length)).toEqual([0, 1]);
    expect((await api.get(`/v1/tasks/${taskId}`)).body).toMatchObject({
      ...{ taskId, position: body.position, name: EMAIL, status: 'done' },
      ...{ attempts: 1, lastError: null, result: { messageId: `<${taskId}@localhost>` } },
    });

    const [[name, [, raw]], ...others] = [...(await files(service))] as [
      [string, [number, string]],
    ];
    expect(others).toEqual([]);
    expect(name).toBe(`outbox/${taskId}.eml`);
    const mail = await PostalMime.parse(raw);
    expect(mail).toMatchObject({
      messageId: `<${taskId}@localhost>`,
      to: [{ address: company!.contactEmail }],
    });
    expect(mail.text).toContain('<a new one>');
    expectNoTrace(service.logged.join('\n'));
  });

  it('an address that is the old one, or a dry run: no event, no task, no mail', async () => {
    const service = await startTestService({ tasks: 'work' });
    const { api } = service;
    const [company] = await createCompanies(api, 1);
    const { body } = await changeAddress(api, company!, 'a new one');
    await settledAddresses(service.urls);
    const before = await files(service);

    const path = `/v1/companies/${company!.id}/address`;
    const { body: current } = await api.get<{ address: { line1: string } }>(
      `/v1/companies/${company!.id}`,
    );
    const spaced = { ...current.address, line1: `  ${current.address.line1} `, line2: ' ' };
    expect(await api.put(path, spaced)).toMatchObject({ status: 200, body });
    const other = { ...current.address, line1: 'Elsewhere' };
    const dry = await api.put(path, other, { dryRun: true });
    expect(dry).toMatchObject({ status: 200, body: { address: { line1: 'Elsewhere' } } });
    const head = await api.get<{ data: object[] }>(`/v1/events?after=${body.position}`);
    expect(head.body.data).toEqual([]);

    // What comes after them is told, so they would have been.
    const [next] = await createCompanies(api, 1);
    await changeAddress(api, next!, 'another');
    const settled = await settledAddresses(service.urls);
    expect(settled.map(({ key }) => key)).toEqual(['a new one', 'another']);
    expect((await files(service)).size).toBe(before.size + 1);
  });

  it('come to nothing new in three replays', async () => {
    const service = await startTestService({ tasks: 'work' });
    const { api, urls } = service;
    const companies = await createCompanies(api, 3);
    for (const key of ['first', 'second']) {
      for (const company of companies) await changeAddress(api, company, `${key} ${company.id}`);
    }
    const { orderId, position } = await settleOrder(service, companies[0]!.id);
    await settledAddresses(urls);
    const [upload, ...more] = (await tasksOf(service, position)) as [EventTask];
    expect(more).toEqual([]);
    expect(upload).toMatchObject({ name: UPLOAD, status: 'done' });
    const [files_, tables] = [await files(service), await taskTables(service)];
    expect(files_.size).toBe(7);
    const [, text] = files_.get(`objects/confirmations/${upload.taskId}.json`)!;
    expect(JSON.parse(text)).toMatchObject({ orderId, executedAmount: '105.00', fee: '1.50' });

    for (let i = 0; i < 3; i++) {
      const { end, stdout } = await runScript('replay', ['--json'], urls);
      expect(end).toBe(0);
      expect((JSON.parse(stdout) as ReplayReport).tasks).toEqual({
        ...{ matched: 7, missing: 0, extra: 0, amended: 0, executed: 0 },
        ...{ firstDifference: null, samples: [] },
      });
    }
    // The service has gone on: what it is asked for now is done, and nothing else was.
    await changeAddress(api, companies[1]!, 'third');
    await settledAddresses(urls);
    const after = await files(service);
    expect(after.size).toBe(8);
    for (const [name, file] of files_) expect([name, after.get(name)]).toEqual([name, file]);
    const [, deliveries] = (await taskTables(service)) as [unknown[], unknown[]];
    expect(deliveries).toEqual(expect.arrayContaining((tables as [unknown[], unknown[]])[1]));
    expectNoTrace(service.logged.join('\n'));
  });
});
