import type { DatabaseUrls } from '../../src/database/connections';
import type { ApiAnswer, ApiClient } from './api-client';
import { query, withClient } from './cluster';
import type { MailServer, ReceivedMail } from './mail-server';
import { waitFor } from './waiting';

/** Stands in every name, mail address and address: it must be in no log and in no queue. */
export const MARKER = 'of-nobodys-concern';

const SETTLE_TIMEOUT_MS = 60_000;

export interface TestCompany {
  readonly id: string;
  readonly contactEmail: string;
}

/** Creates companies whose contacts are told of every change of address. */
export async function createCompanies(api: ApiClient, count: number): Promise<TestCompany[]> {
  const companies: TestCompany[] = [];
  for (let i = 0; i < count; i++) {
    const contactEmail = `contact-${i}@${MARKER}.example`;
    const body = { name: `Company ${i} ${MARKER}`, contactEmail, address: addressOf('the first') };
    const answer = await api.post<{ id: string }>('/v1/companies', body);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    companies.push({ id: answer.body.id, contactEmail });
  }
  return companies;
}

/** Gives a company the address that is named by `key`. */
export function changeAddress(
  api: ApiClient,
  { id }: TestCompany,
  key: string,
): Promise<ApiAnswer<{ position: number; detail?: string }>> {
  return api.put(`/v1/companies/${id}/address`, addressOf(key), { idempotencyKey: key });
}

function addressOf(key: string) {
  return { line1: `<${key}> ${MARKER} Road`, city: 'Bath', postalCode: 'BA1', country: 'GB' };
}

/** An address that was changed, with the task that it asked for and what became of it. */
export interface ChangedAddress {
  position: number;
  companyId: string;
  /** What the address is named by. */
  key: string;
  taskId: string;
  status: 'recorded' | 'queued' | 'running' | 'done' | 'failed';
  attempts: number;
  lastError: string | null;
}

/**
 * Every changed address of the log, in its order.
 * @throws Error where one asked for another number of tasks than one
 */
export async function changedAddresses(urls: DatabaseUrls): Promise<ChangedAddress[]> {
  const rows = await query<ChangedAddress & { tasks: number }>(
    urls.log,
    `select e.position, e.data::jsonb ->> 'companyId' as "companyId",
       substring(e.data::jsonb -> 'address' ->> 'line1' from '^<(.*)>') as key,
       count(t.task_id) over (partition by e.position)::int as tasks, t.task_id as "taskId",
       coalesce(d.status, 'recorded') as status, coalesce(d.attempts, 0) as attempts,
       d.last_error as "lastError"
     from event_log e left join task_log t using (position)
       left join task_delivery d using (task_id)
     where e.type = 'CompanyAddressChanged' order by e.position`,
  );
  return rows.map(({ tasks, ...row }) => {
    if (tasks !== 1) throw new Error(`Event ${row.position} asked for ${tasks} tasks`);
    return row;
  });
}

/** Waits until every task of the log is done or has failed. @returns the changed addresses */
export async function settledAddresses(urls: DatabaseUrls): Promise<ChangedAddress[]> {
  await withClient(urls.log, (client) =>
    waitFor(
      'every task to be done',
      async () => {
        const { rowCount } = await client.query(`
          select from task_log t left join task_delivery d using (task_id)
          where coalesce(d.status, 'recorded') not in ('done', 'failed') limit 1`);
        return rowCount === 0;
      },
      SETTLE_TIMEOUT_MS,
    ),
  );
  return changedAddresses(urls);
}

/** The task that a mail comes from, which its Message-ID says. */
export function taskIdOf({ parsed }: ReceivedMail): string {
  const id = /^<([\da-f-]{36})@localhost>$/.exec(parsed.messageId ?? '')?.[1];
  if (id === undefined) throw new Error(`A mail has the Message-ID ${parsed.messageId}`);
  return id;
}

/**
 * Checks what a receiver sees that looks at the id of a mail: each change once, told to the right
 * contact, and those of one company in their order.
 */
export function expectEachToldOnce(
  { mails }: MailServer,
  companies: readonly TestCompany[],
  changed: readonly ChangedAddress[],
): void {
  const byTask = new Map(changed.map((change) => [change.taskId, change]));
  const contacts = new Map(companies.map(({ id, contactEmail }) => [id, contactEmail]));
  const seen = new Set<string>();
  const lastOf = new Map<string, number>();
  for (const mail of mails) {
    const taskId = taskIdOf(mail);
    const change = byTask.get(taskId);
    if (!change) throw new Error(`A mail of the unknown task ${taskId}`);
    const { companyId, position, key } = change;
    expect(mail.recipients).toEqual([contacts.get(companyId)]);
    expect(mail.parsed.text).toContain(`<${key}> `);
    if (seen.has(taskId)) continue;
    seen.add(taskId);
    expect(position).toBeGreaterThan(lastOf.get(companyId) ?? 0);
    lastOf.set(companyId, position);
  }
  expect([...seen].sort()).toEqual(changed.map((change) => change.taskId).sort());
}

/** Checks that a log or a queue says nothing of whom a mail is for, and of what it says. */
export function expectNoTrace(text: string): void {
  const at = text.indexOf(MARKER);
  expect(at === -1 ? '' : text.slice(Math.max(0, at - 200), at + 200)).toBe('');
}
