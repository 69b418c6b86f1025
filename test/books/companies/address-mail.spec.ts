import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import { openMailer } from '../../../src/outside/adapters/mailer';
import { AddressChangedMails } from '../../../src/books/companies/company.tasks';
import type { AddressChangedEmail } from '../../../src/books/companies/company.materializers';
import type { TaskContext } from '../../../src/engine/define/task-handler';
import { testCluster } from '../../harness/cluster';
import { startTestService, type TestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';

const ADDRESS = { line1: 'Hauptstraße 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
const COMPANY = {
  clientId: 'acme',
  name: 'Käse & Söhne',
  contactEmail: 'ceo@acme.example',
  address: ADDRESS,
};

async function mailIn(outbox: string, taskId: string) {
  return PostalMime.parse(await readFile(join(outbox, `${taskId}.eml`)));
}

describe('the mail about a changed address', () => {
  interface EventTask {
    taskId: string;
    status: string;
  }
  /** Moves the company and waits until the event's only task is done. @returns the task's id */
  async function move(service: TestService, line1: string): Promise<string> {
    const path = '/v1/companies/client:acme/address';
    const { status, headers } = await service.api.put(path, { ...ADDRESS, line1 });
    expect(status).toBe(200);
    const event = `/v1/events/${headers.get('ledger-position')}`;
    return waitFor('the mail to be sent', async () => {
      const { tasks } = (await service.api.get<{ tasks: EventTask[] }>(event)).body;
      expect(tasks).toHaveLength(1);
      return tasks[0]!.status === 'done' && tasks[0]!.taskId;
    });
  }

  it('reaches the contact once for each change, and nobody for none', async () => {
    const service = await startTestService({ tasks: 'work' });
    const outbox = join(service.dataDir, 'outbox');
    expect((await service.api.post('/v1/companies', COMPANY)).status).toBe(201);
    const first = await move(service, 'Nebenstraße 2');
    // The same address again: its position is that of the change, and so is its only task.
    expect(await move(service, ' Nebenstraße 2 ')).toBe(first);
    const second = await move(service, 'Am Markt 3');
    expect((await readdir(outbox)).sort()).toEqual([`${first}.eml`, `${second}.eml`].sort());
    const mail = await mailIn(outbox, first);
    expect(mail.messageId).toMatch(new RegExp(`^<${first}@[^@]+>$`));
    expect(mail.to).toEqual([{ name: '', address: 'ceo@acme.example' }]);
    expect(mail.subject).toBe('The address of Käse & Söhne has changed');
    expect(mail.text).toContain('\n  Nebenstraße 2\n  Bonn, 53113\n  DE\n');
    expect(mail.html).toBeUndefined();
    expect((await mailIn(outbox, second)).text).toContain('Am Markt 3');
    const { body } = await service.api.get(`/v1/tasks/${first}`);
    expect(body).toMatchObject({ status: 'done', attempts: 1, lastError: null });
    for (const secret of ['ceo@acme.example', 'Nebenstraße', 'Käse']) {
      expect(service.logged.filter((line) => line.includes(secret))).toEqual([]);
    }
  });

  it('is the same mail on another attempt, and its result names nobody', async () => {
    const dataDir = await mkdtemp(join(testCluster().runDir, 'mail-'));
    const mailer = await openMailer({
      ...{ dataDir, mailFrom: 'Books <books@truebook.example>', smtpUrl: undefined },
    });
    const handler = new AddressChangedMails(mailer);
    expect(handler.options).toEqual({ isOrdered: true });
    const payload: AddressChangedEmail = {
      companyId: '0192aaaa-0000-7000-8000-000000000001',
      companyName: 'Acme',
      contactEmail: 'ceo@acme.example',
      address: { ...ADDRESS, line2: 'Hof', region: null },
      changedAt: '2026-03-04T05:06:07.089Z',
    };
    const taskId = '0192aaaa-0000-5000-8000-000000000002';
    const context = { taskId, signal: new AbortController().signal } as TaskContext;
    const messageId = `<${taskId}@truebook.example>`;
    const outbox = join(dataDir, 'outbox');
    expect(await handler.run(payload, context)).toEqual({ messageId });
    const { text } = await mailIn(outbox, taskId);
    expect(text).toBe(
      [
        ...['The address of Acme was changed on 2026-03-04. It is now:', '', '  Hauptstraße 1'],
        ...['  Hof', '  Bonn, 53113', '  DE', ''],
        ...['If you did not expect this, please get in touch with us.', ''],
      ].join('\n'),
    );
    expect(await handler.run(payload, { ...context, attempt: 2 })).toEqual({ messageId });
    expect(await readdir(outbox)).toEqual([`${taskId}.eml`]);
    expect((await mailIn(outbox, taskId)).text).toBe(text);
    await mailer.close();
  });
});
