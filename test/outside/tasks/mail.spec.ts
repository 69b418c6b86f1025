import {
  changeAddress,
  changedAddresses,
  createCompanies,
  expectEachToldOnce,
  expectNoTrace,
  MARKER,
  settledAddresses,
  taskIdOf,
  type ChangedAddress,
  type TestCompany,
} from '../../harness/address-changes';
import { cloneDatabases } from '../../harness/databases';
import { MailServer, type Reply } from '../../harness/mail-server';
import { startTestService, type TestService } from '../../harness/service';
import { TaskDeadline } from '../../harness/task-deadline';
import { waitFor } from '../../harness/waiting';
import { BACKENDS, type StartQueue, type TestQueue } from './queue-backends';

const COMPANIES = 8;
const CHANGES_EACH = 3;
/** Far below the real one, where a test has to wait for it. */
const SHORT_MS = 700;

interface Task {
  taskId: string;
  status: string;
  attempts: number;
  lastError: string | null;
  nextAttemptAt: string | null;
  doneAt: string | null;
}

const TRY_LATER: Reply = [451, `4.3.0 try later, friends of ${MARKER}`];

describe.each(BACKENDS)('mails of changed addresses, with the queue on %s', (_, startQueue) => {
  let mail: MailServer;
  let queue: TestQueue;
  let service: TestService;
  let companies: TestCompany[];
  const deadline = new TaskDeadline();

  beforeEach(async () => {
    deadline.reset();
    ({ mail, queue, service } = await start(startQueue, deadline));
    companies = await createCompanies(service.api, COMPANIES);
  });

  /** Nothing that says whom a mail is for, or what it says. */
  afterEach(async () => {
    await service.close();
    expectNoTrace(service.logged.join('\n') + (await queue.dump()));
  });

  const changeAll = async (rounds: readonly string[]) => {
    for (const round of rounds) {
      const answers = companies.map((c) => changeAddress(service.api, c, `${round} of ${c.id}`));
      for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    }
    return changedAddresses(service.urls);
  };
  const listTasks = async (filter: string) =>
    (await service.api.get<{ data: Task[] }>(`/v1/tasks?${filter}`)).body.data;
  const mailerState = async () => {
    type Ready = { adapters: { name: string; state: string }[] };
    const { body } = await service.api.get<Ready>('/v1/health/ready');
    return body.adapters.find(({ name }) => name === 'mailer')?.state;
  };

  it('wait while the mail server is away, and arrive in the order of each company', async () => {
    await mail.close();
    const rounds = Array.from({ length: CHANGES_EACH }, (_, i) => `change ${i}`);
    const asked = await changeAll(rounds);
    await waitFor('the circuit to open', async () => (await mailerState()) === 'open');
    expect(await listTasks('status=failed')).toEqual([]);
    expect((await listTasks('status=queued')).length).toBeGreaterThan(COMPANIES);
    const dump = await queue.dump();
    expect(asked.some(({ taskId }) => dump.includes(taskId))).toBe(true);
    expectNoTrace(dump);

    mail.refuseRecipient = () => TRY_LATER;
    await mail.open();
    await waitFor(
      'every company to be tried',
      () => new Set(mail.named).size === COMPANIES,
      60_000,
    );
    expect(await listTasks('status=failed')).toEqual([]);
    expect(mail.mails).toEqual([]);
    mail.refuseRecipient = () => undefined;

    const changed = await settledAddresses(service.urls);
    expect(changed.filter(({ status }) => status !== 'done')).toEqual([]);
    expectEachToldOnce(mail, companies, changed);
    expect(mail.mails).toHaveLength(asked.length);
    expect(await mailerState()).toBe('closed');
    const first = changed.slice(0, COMPANIES);
    for (const { attempts } of first) expect(attempts).toBeGreaterThan(1);
    // What the server said last, unless it was believed to be away at a later attempt.
    const errors = first.map(({ lastError }) => lastError);
    const said = errors.filter((error) => error !== 'The mail server is away');
    expect(said).not.toEqual([]);
    for (const error of said) expect(error).toMatch(/451 4\.3\.0/);
    expectNoTrace(JSON.stringify(changed));
  });

  it('wait while the mail server takes them and does not answer', async () => {
    deadline.ms = SHORT_MS;
    mail.isHanging = true;
    await changeAll(['a change']);
    await waitFor('an attempt without an end', async () =>
      (await changedAddresses(service.urls)).some(({ lastError }) => lastError !== null),
    );
    mail.isHanging = false;
    const changed = await settledAddresses(service.urls);
    expect(changed.filter(({ status }) => status !== 'done')).toEqual([]);
    expectEachToldOnce(mail, companies, changed);
  });

  it('fail where one is refused for good, and hold up no later one', async () => {
    const [victim] = companies as [TestCompany];
    mail.refuseRecipient = (address) =>
      address === victim.contactEmail ? [550, `5.1.1 <${address}> is unknown here`] : undefined;
    const changed = await changeAll(['one', 'two']);
    const settled = await settledAddresses(service.urls);
    const isOfVictim = ({ companyId }: ChangedAddress) => companyId === victim.id;
    const refused = settled.filter(isOfVictim);
    expect(refused).toMatchObject(Array(2).fill({ status: 'failed', attempts: 1 }));
    expect(settled.filter((c) => !isOfVictim(c) && c.status !== 'done')).toEqual([]);
    expect(mail.mails).toHaveLength(changed.length - 2);

    const failed = await listTasks('status=failed&name=company.address-changed-email');
    expect(failed.map(({ taskId }) => taskId)).toEqual(refused.map(({ taskId }) => taskId));
    for (const { lastError, doneAt, nextAttemptAt } of failed) {
      expect(lastError).toBe('The mail server refuses the recipient: 550 5.1.1');
      expect([doneAt, nextAttemptAt]).toEqual([null, null]);
    }

    mail.refuseRecipient = () => undefined;
    await changeAddress(service.api, victim, 'three');
    await waitFor('the change after them', () => mail.mails.at(-1)?.raw.includes('<three>'));
    for (const { taskId } of failed) {
      const answer = await service.api.post(`/v1/tasks/${taskId}/retry`);
      expect(answer).toMatchObject({ status: 200, body: { taskId, status: 'queued' } });
    }
    const again = await settledAddresses(service.urls);
    expect(again.filter(({ status }) => status !== 'done')).toEqual([]);
    expect(await listTasks('status=failed')).toEqual([]);
    expect(mail.mails.slice(-2).map(taskIdOf).sort()).toEqual(failed.map((f) => f.taskId).sort());
    const late = await service.api.post(`/v1/tasks/${failed[0]!.taskId}/retry`);
    expect(late).toMatchObject({ status: 409, body: { code: 'task_not_failed' } });
  });
});

/** The service with a real mail server and a queue of its own. */
async function start(startQueue: StartQueue, { replace }: TaskDeadline) {
  const databases = await cloneDatabases();
  const queue = await startQueue(databases.urls);
  databases.onEnd(() => queue.close());
  const mail = await MailServer.start();
  databases.onEnd(() => mail.close());
  const { redisUrl } = queue.options;
  const env = { SMTP_URL: mail.url, ...(redisUrl && { REDIS_URL: redisUrl }) };
  const service = await startTestService({ databases, tasks: 'work', env, replace });
  return { mail, queue, service };
}
