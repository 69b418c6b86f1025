import type { EventAmendedData } from '../../../src/engine/catch-up/amendment.events';
import { unguarded } from '../../harness/unguarded';
import { verifyOf } from '../replay/some-books';
import { startAmendedBooks } from './amended-books';

const ADDRESS = { line1: 'Lane 1', city: 'Bath', postalCode: 'BA1', country: 'GB' };

describe('tasks of amended events', () => {
  it('are told apart from tasks that are missing', async () => {
    const books = await startAmendedBooks();
    const { api } = books.service;
    const company = { clientId: 'c', name: 'x', contactEmail: 'x@example.com', address: ADDRESS };
    const made = await api.post('/v1/companies', company);
    const created = Number(made.headers.get('ledger-position'));
    const moveTo = async (line1: string) => {
      const answer = await api.put('/v1/companies/client:c/address', { ...ADDRESS, line1 });
      expect(answer.status).toBe(200);
      return Number(answer.headers.get('ledger-position'));
    };
    const first = await moveTo('Lane 2');
    const second = await moveTo('Lane 3');
    const third = await moveTo('Lane 4');
    const change = async (position: number, change: object) => {
      const { data } = await books.event(position);
      const request = { data: { ...data, ...change }, reason: 'x' };
      const { status, body } = await books.amend(position, request);
      expect(status).toBe(200);
      const said = await books.event(body.amendedAtPosition!);
      return { ...body.differences.tasks, range: (said.data as EventAmendedData).tasksDiffer };
    };
    const address = { ...ADDRESS, line1: 'Lane 22', line2: null, region: null };
    expect(await change(first, { address })).toMatchObject({
      matched: 2,
      missing: 1,
      extra: 1,
      amended: 0,
      range: { from: first, to: first },
    });
    expect(await verifyOf(books.service)).toMatchObject({
      status: 'passed',
      tasks: { matched: 2, missing: 0, extra: 0, amended: 1, firstDifference: null },
    });
    // What the company is called stands in the mails of all moves.
    expect(await change(created, { name: 'y' })).toMatchObject({
      matched: 0,
      missing: 2,
      extra: 2,
      amended: 1,
      range: { from: second, to: third },
    });
    const passed = { status: 'passed', tasks: { matched: 0, missing: 0, extra: 0, amended: 3 } };
    expect(await verifyOf(books.service)).toMatchObject(passed);
    // Nobody is told again, and the mails of before stay what they were.
    const recorded = await api.get<{ data: object[] }>('/v1/tasks');
    expect(recorded.body.data).toHaveLength(3);
    await moveTo('Lane 5');
    passed.tasks.matched = 1;
    expect(await verifyOf(books.service)).toMatchObject(passed);
  });

  it('do not excuse what was wrong before', async () => {
    const books = await startAmendedBooks();
    const { api, databases } = books.service;
    const company = { clientId: 'c', name: 'x', contactEmail: 'x@example.com', address: ADDRESS };
    await api.post('/v1/companies', company);
    const moved = await api.put('/v1/companies/client:c/address', { ...ADDRESS, line1: 'Lane 2' });
    const forged = Number(moved.headers.get('ledger-position'));
    const position = await books.transfer('10.00');
    databases.isChecked = false;
    await unguarded(databases.superUrls.log, (client) =>
      client.query(`update task_log set payload = '{}' where position = $1`, [forged]),
    );
    const failed = {
      status: 'failed',
      tasks: { missing: 1, extra: 1, amended: 0, firstDifference: forged },
    };
    expect(await verifyOf(books.service)).toMatchObject(failed);
    const data = { ...(await books.event(position)).data, description: 'Another transfer' };
    expect((await books.amend(position, { data, reason: 'x' })).status).toBe(200);
    expect(await verifyOf(books.service)).toMatchObject(failed);
  });

  it('of the amendment itself go to whoever receives events', async () => {
    const books = await startAmendedBooks();
    const { api } = books.service;
    const hook = { url: 'https://receiver.example/', eventTypes: ['EventAmended'] };
    expect((await api.post('/v1/webhook-subscriptions', hook)).status).toBe(201);
    const position = await books.transfer('10.00');
    const data = await books.withAmount(position, '20.00');
    const { body } = await books.amend(position, { data, reason: 'x' });
    const tasks = await api.get<{ data: object[] }>('/v1/tasks');
    expect(tasks.body.data).toMatchObject([
      { position: body.amendedAtPosition, name: 'webhook.deliver' },
    ]);
    expect((await verifyOf(books.service)).tasks).toMatchObject({ matched: 1, amended: 0 });
  });
});
