import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Feature } from '../../../src/engine/define/feature';
import { features } from '../../../src/features';
import type { TaskDto } from '../../../src/outside/tasks/task.dto';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService, type TestServiceOptions } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { sourceFiles } from '../../source-files';
import { reminderFeature } from './reminder.feature';
import { REMINDER_TABLES } from './reminder.table';

const PATH = '/v1/reminders';
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

interface Reminders {
  data: { id: string; text: string; status: string }[];
}
interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>>;
  components: { schemas: Record<string, { properties: { code?: { enum: string[] } } }> };
}

/** A service with these features, and the table of reminders. */
async function start(of: readonly Feature[], options: TestServiceOptions = {}) {
  const databases = await cloneDatabases({ stateTables: REMINDER_TABLES });
  return startTestService({ databases, features: of, ...options });
}

/** The feature without what sends its mails, and so needs another feature. */
async function withoutMails(): Promise<Feature> {
  const { service } = await reminderFeature.service();
  const silent = { ...service, taskHandlers: [] };
  return { ...reminderFeature, service: () => Promise.resolve({ service: silent }) };
}

const set = (service: TestService, text: string, dueAt: string) =>
  service.api.post<{ id: string; code?: string }>(PATH, { text, dueAt });

describe('a feature in a folder of its own, with one line in the list', () => {
  it('is known to nobody else', () => {
    const others = sourceFiles().filter((file) => !file.path.startsWith('test/books/reminders/'));
    const knowing = others.filter(({ imports }) => imports.some((i) => /reminder/.test(i.target)));
    expect(knowing.map((file) => file.path)).toEqual([]);
  });

  it('has its routes, with what they refuse, and their documentation', async () => {
    const service = await start([...features, reminderFeature]);
    const refused = await set(service, 'Too late', inSeconds(-1));
    expect(refused).toMatchObject({
      status: 422,
      body: {
        type: '/problems/reminder_in_the_past',
        title: 'The reminder would be due already',
        status: 422,
        code: 'reminder_in_the_past',
        instance: PATH,
      },
    });
    const { status, body, headers } = await set(service, 'Look', inSeconds(3_600));
    expect({ status, position: headers.get('ledger-position') }).toEqual({
      status: 201,
      position: '1',
    });
    expect((await service.api.get<Reminders>(PATH)).body).toEqual({
      data: [{ id: body.id, text: 'Look', status: 'set' }],
    });
    expect((await service.api.post(PATH, { text: '' })).status).toBe(400);
    expect((await fetch(`${service.url}${PATH}`)).status).toBe(401);
    const document = (await service.api.get<OpenApi>('/docs/json')).body;
    const { responses } = document.paths[PATH]!['post']!;
    expect(responses['422']!.description).toBe('idempotency_key_reused, reminder_in_the_past');
    const { code } = document.components.schemas['ProblemDto']!.properties;
    expect(code!.enum).toContain('reminder_in_the_past');
    const events = await service.api.get<{ data: object[] }>('/v1/events?type=ReminderSet');
    expect(events.body.data).toMatchObject([{ position: 1, data: { text: 'Look' } }]);
  });

  it('has its schedule kept, its task done, its metric measured, and is verified', async () => {
    const options = { tasks: 'work', runs: true } as const;
    const service = await start([...features, reminderFeature], options);
    await set(service, 'Close the books', inSeconds(2));
    await set(service, 'Some other day', inSeconds(86_400));
    const metrics = async () => (await service.api.get('/metrics')).body['text'];
    expect(await metrics()).toContain('\ntruebook_reminders{status="set"} 2\n');
    const task = await waitFor('the mail', async () => {
      const { data } = (await service.api.get<{ data: TaskDto[] }>('/v1/tasks')).body;
      return data.find(({ status }) => status === 'done');
    });
    expect(task).toMatchObject({ name: 'reminder.mail', attempts: 1 });
    const outbox = join(service.dataDir, 'outbox');
    const [mail] = await readdir(outbox);
    expect(await readFile(join(outbox, mail!), 'utf8')).toContain('Close the books');
    const { data } = (await service.api.get<Reminders>(PATH)).body;
    expect(data.map(({ status }) => status)).toEqual(['rung', 'set']);
    expect(await metrics()).toContain('\ntruebook_reminders{status="rung"} 1\n');
    const runs = '/v1/admin/replay-verifications';
    const { id } = (await service.api.post<{ id: string }>(runs)).body;
    const run = await waitFor('the verification', async () => {
      const { body } = await service.api.get<{ status: string; tables: object[] }>(`${runs}/${id}`);
      return !['queued', 'running'].includes(body.status) && body;
    });
    expect(run.status).toBe('passed');
    expect(run.tables).toContainEqual(expect.objectContaining({ table: 'reminders', liveRows: 2 }));
  });

  it('makes a service by itself, with nothing that other features bring', async () => {
    const service = await start([await withoutMails()]);
    expect((await set(service, 'Look', inSeconds(3_600))).status).toBe(201);
    expect((await service.api.get('/v1/accounts')).status).toBe(404);
    const { status, body } = await service.api.get('/v1/health/ready');
    expect({ status, body }).toMatchObject({ status: 200, body: { adapters: [] } });
    expect((await service.api.get('/metrics')).body['text']).not.toContain('truebook_tasks');
  });
});

describe('a service', () => {
  it('does not start with a task that nobody does', async () => {
    const started = start([...features, await withoutMails()]);
    await expect(started).rejects.toThrow('reminder.mail has no handler');
  });

  it('does not start with a problem that is declared twice', async () => {
    const { problems } = reminderFeature;
    const second = { ...reminderFeature, name: 'other reminders', tables: [], materializers: [] };
    const twice = { ...second, creators: [], tasks: [], problems };
    await expect(start([...features, reminderFeature, twice])).rejects.toThrow(
      'other reminders declares reminder_in_the_past, which is declared already',
    );
  });

  it('does not start with a route that documents what nobody declares', async () => {
    const silent = { ...reminderFeature, problems: {} };
    await expect(start([...features, silent])).rejects.toThrow(
      'ReminderController.set documents reminder_in_the_past, which no feature declares',
    );
  });
});
