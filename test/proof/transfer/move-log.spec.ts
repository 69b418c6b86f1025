import { readFile, stat } from 'node:fs/promises';
import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { replay } from '../../../src/proof/replay/replay';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { exportLog } from '../../../src/proof/transfer/export-log';
import { importLog } from '../../../src/proof/transfer/import-log';
import { MOVED_TABLES } from '../../../src/proof/transfer/moved-tables';
import { changeAddress, createCompanies, settledAddresses } from '../../harness/address-changes';
import { openAccount } from '../../harness/books';
import { query, withClient } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { startTestLedger } from '../../harness/ledger';
import { MailServer } from '../../harness/mail-server';
import { runScript } from '../../harness/script';
import { seededRandom } from '../../harness/seed';
import { startTestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import {
  changeAddresses,
  counted,
  dumpLog,
  exported,
  freshInstallation,
  newFile,
  PAGE_ROWS,
  refuseSome,
  someBooks,
} from './log-copies';

/** What is in the log database and stays where it is, with the reason. */
const STAYS: Record<string, string> = {
  accepted_times: 'whoever goes on elsewhere says why anew',
  api_keys: 'every installation has its own',
  event_log_partitions: 'made as they are needed',
  event_types: 'taken from the events',
  task_dispatch: 'in the header',
  runs: 'of the installation that ran them',
  kysely_migration: 'of the program',
  kysely_migration_lock: 'of the program',
};

/** Changes an event in the one way that the log allows: together with its backup. */
function amend(url: string, position: number, amendment: number): Promise<void> {
  return withClient(url, async (client) => {
    await client.query('begin');
    await client.query(
      `insert into event_backup
       select position, $2, event_id, type, version, data, now(), 'tester', 'why', $1 * 10 + $2
       from event_log where position = $1`,
      [position, amendment],
    );
    await client.query('update event_log set data = $2 where position = $1', [
      position,
      JSON.stringify({ amendment }),
    ]);
    await client.query('commit');
  });
}

describe('a log that is moved', () => {
  it.each(['.log', '.log.gz'])('is the same to the last byte, as %s', async (extension) => {
    const random = seededRandom();
    const source = await someBooks(random, 600);
    await source.close();
    const target = await freshInstallation();
    const file = await exported(source.databases, extension);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const report = await importLog({ url: target.urls.log, from: file });
    const dump = await dumpLog(source.databases.urls.log);
    const { event_log, command_log, task_log } = counted(dump);
    expect(report).toMatchObject({
      status: 'imported',
      fromPosition: 0,
      head: { position: event_log },
      chain: { ok: true, brokenAt: null },
      rows: { event_log, command_log, task_log },
    });
    expect(task_log).toBeGreaterThan(0);
    expect(await dumpLog(target.urls.log)).toEqual(dump);
    // The new installation is the ledger: the same state, whichever way it comes to it.
    target.isChecked = true;
    const healed = await startTestLedger({ databases: target });
    await healed.close();
    expect(await dumpState(target.urls.state)).toEqual(
      await dumpState(source.databases.urls.state),
    );
    const rebuilt = await replay({ urls: target.urls, registry: new Registry(features) });
    expect(rebuilt).toMatchObject({ status: 'swapped', chain: { ok: true } });
    expect(await dumpLog(target.urls.log)).toEqual(dump);
  });

  it('remembers every key', async () => {
    const source = await startTestLedger();
    const input = { name: 'Cash', type: 'asset', currency: 'USD' } as const;
    const options = { idempotencyKey: 'the first' };
    const first = await source.submit(OpenAccount, input, options);
    await refuseSome(source, 'refused', 1);
    const target = await freshInstallation();
    await importLog({ url: target.urls.log, from: await exported(source.databases) });
    target.isChecked = true;
    const moved = await startTestLedger({ databases: target });
    expect(await moved.submit(OpenAccount, input, options)).toEqual({ ...first, isHit: true });
    const other = await moved.refuse(OpenAccount, { ...input, name: 'Other' }, options);
    expect(other.code).toBe('idempotency_key_reused');
    const before = counted(await dumpLog(target.urls.log));
    await refuseSome(moved, 'refused', 1);
    expect(counted(await dumpLog(target.urls.log))).toEqual(before);
  });

  it('tells nobody twice, and those who were not told yet once', async () => {
    const mail = await MailServer.start();
    mail.refuseRecipient = (address) =>
      address.startsWith('contact-1@') ? [550, '5.1.1 no'] : undefined;
    const databases = await cloneDatabases();
    const options = { databases, env: { SMTP_URL: mail.url } };
    let service = await startTestService({ ...options, tasks: 'work' });
    const companies = await createCompanies(service.api, 4);
    for (const company of companies.slice(0, 2))
      await changeAddress(service.api, company, company.id);
    await settledAddresses(databases.urls);
    await mail.close();
    await changeAddress(service.api, companies[2]!, 'waits');
    await waitFor('an attempt at the mail', async () => {
      const rows = await query(
        databases.urls.log,
        `select from task_delivery where status = 'queued' and last_error is not null`,
      );
      return rows.length > 0;
    });
    await service.close();
    service = await startTestService({ ...options, tasks: 'off' });
    await changeAddress(service.api, companies[3]!, 'recorded');
    await service.close();
    const target = await freshInstallation();
    await importLog({ url: target.urls.log, from: await exported(databases) });
    expect(await dumpLog(target.urls.log)).toEqual(await dumpLog(databases.urls.log));
    const statuses = await query<{ status: string | null }>(
      target.urls.log,
      `select status from task_log t left join task_delivery using (task_id)
       order by t.position`,
    );
    expect(statuses.map((r) => r.status)).toEqual(['done', 'failed', 'queued', null]);
    target.isChecked = true;
    const newMail = await MailServer.start();
    await startTestService({
      databases: target,
      env: { SMTP_URL: newMail.url },
      tasks: 'work',
    });
    const settled = await settledAddresses(target.urls);
    expect(settled.map((s) => s.status)).toEqual(['done', 'failed', 'done', 'done']);
    expect(
      newMail.mails
        .map((m) => m.recipients)
        .flat()
        .sort(),
    ).toEqual([companies[2]!.contactEmail, companies[3]!.contactEmail].sort());
    await newMail.close();
  });

  it('takes what came since, and does not undo what was done', async () => {
    const source = await someBooks(seededRandom(), 150);
    const target = await freshInstallation();
    await importLog({ url: target.urls.log, from: await exported(source.databases) });
    // Commands without events come to positions that were moved already.
    await refuseSome(source, 'later', 100);
    await query(
      source.databases.urls.log,
      `insert into task_delivery (task_id, position, ordinal, name, status, done_at)
       select task_id, position, ordinal, name, 'done', now()
       from task_log order by position limit 3`,
    );
    await changeAddresses(source, 'late company');
    const between = await exported(source.databases);
    await importLog({ url: target.urls.log, from: between });
    expect(await dumpLog(target.urls.log)).toEqual(await dumpLog(source.databases.urls.log));
    await query(
      source.databases.urls.log,
      `update task_delivery d set status = (array['running', 'failed', 'running'])[n.number]
       from (select task_id, row_number() over (order by position) as number
             from task_delivery) n
       where n.task_id = d.task_id`,
    );
    await query(
      target.urls.log,
      `update task_delivery set status = 'queued' where position >
         (select min(position) from task_delivery)`,
    );
    const again = await importLog({ url: target.urls.log, from: await exported(source.databases) });
    expect(again.head.position).toBe(again.fromPosition);
    const deliveries = await query<{ status: string }>(
      target.urls.log,
      'select status from task_delivery order by position, ordinal',
    );
    expect(deliveries.map((d) => d.status)).toEqual(['done', 'failed', 'queued']);
    expect((await dumpLog(target.urls.log))['command_log']).toEqual(
      (await dumpLog(source.databases.urls.log))['command_log'],
    );
  });

  it('takes what came since where a page ended with the log', async () => {
    const source = await startTestLedger();
    // An event and its command each: the page is full, and what only follows goes into the next.
    for (let i = 0; i < PAGE_ROWS / 2; i++) await openAccount(source);
    await refuseSome(source, 'first');
    const target = await freshInstallation();
    await importLog({ url: target.urls.log, from: await exported(source.databases) });
    await refuseSome(source, 'later');
    await openAccount(source);
    const later = await exported(source.databases);
    expect(await readFile(later, 'utf8')).toContain(`{"after":${PAGE_ROWS / 2},"upTo":`);
    await importLog({ url: target.urls.log, from: later });
    expect(await dumpLog(target.urls.log)).toEqual(await dumpLog(source.databases.urls.log));
  });

  it('takes amended events with what they were, now and later', async () => {
    const source = await someBooks(seededRandom(), 150);
    await source.close();
    source.databases.isChecked = false;
    const { log } = source.databases.urls;
    const early = await freshInstallation();
    await importLog({ url: early.urls.log, from: await exported(source.databases) });
    // One of the events is amended twice.
    for (const [position, amendment] of [
      [7, 1],
      [120, 1],
      [7, 2],
    ] as const) {
      await amend(log, position, amendment);
    }
    const dump = await dumpLog(log);
    expect(counted(dump)['event_backup']).toBe(3);
    const file = await exported(source.databases);
    const late = await freshInstallation();
    for (const { urls } of [early, late]) {
      const report = await importLog({ url: urls.log, from: file });
      expect(report).toMatchObject({ status: 'imported', chain: { ok: true } });
      expect(await dumpLog(urls.log)).toEqual(dump);
    }
  });

  it('is exported as it was at one moment, while it goes on', async () => {
    const source = await someBooks(seededRandom(), 300);
    const before = await dumpLog(source.databases.urls.log);
    const file = newFile();
    let written = 0;
    const report = await exportLog({
      url: source.databases.urls.log,
      to: file,
      pageRows: 20,
      onProgress: () => {
        if (written++ < 5) void openAccount(source).catch(() => (written = -1));
      },
    });
    expect(report.head.position).toBe(before['event_log']!.length);
    const target = await freshInstallation();
    await importLog({ url: target.urls.log, from: file });
    expect(await dumpLog(target.urls.log)).toEqual(before);
    await waitFor('the accounts to be opened', async () => {
      const { event_log: events } = counted(await dumpLog(source.databases.urls.log));
      return events === report.head.position + 5;
    });
  });

  it('gets the partitions that it needs', async () => {
    const source = await someBooks(seededRandom(), 150);
    const target = await freshInstallation();
    const [first] = await query<{ name: string }>(
      target.urls.log,
      'select name from event_log_partitions',
    );
    await query(target.urls.log, `alter table event_log detach partition ${first!.name}`);
    await query(target.urls.log, `drop table ${first!.name}`);
    await query(target.urls.log, 'delete from event_log_partitions');
    await query(target.urls.log, 'select add_event_log_partition(70)');
    await importLog({ url: target.urls.log, from: await exported(source.databases) });
    expect(await dumpLog(target.urls.log)).toEqual(await dumpLog(source.databases.urls.log));
  });

  it('may be empty, or have refusals alone', async () => {
    const source = await startTestLedger();
    const target = await freshInstallation();
    const empty = await importLog({ url: target.urls.log, from: await exported(source.databases) });
    expect(empty).toMatchObject({ status: 'imported', head: { position: 0 } });
    await refuseSome(source, 'refused', 150);
    await importLog({ url: target.urls.log, from: await exported(source.databases) });
    await importLog({ url: target.urls.log, from: await exported(source.databases) });
    expect(await dumpLog(target.urls.log)).toEqual(await dumpLog(source.databases.urls.log));
  });
});

describe('npm run export-log and import-log', () => {
  it('move a log, and say what they did', async () => {
    const source = await someBooks(seededRandom(), 200);
    await source.close();
    const { urls } = source.databases;
    const target = await freshInstallation();
    const file = newFile('.gz');
    const out = await runScript('export-log', [file], urls);
    expect(out).toMatchObject({ end: 0, stderr: '' });
    expect(out.stdout).toMatch(/^Exported the log up to position \d+ \([\da-f]{64}\), with .*\n$/);
    const back = await runScript('import-log', [file, '--json'], target.urls);
    expect(back).toMatchObject({ end: 0, stderr: '' });
    expect(JSON.parse(back.stdout)).toMatchObject({ status: 'imported', chain: { ok: true } });
    expect(await dumpLog(target.urls.log)).toEqual(await dumpLog(urls.log));
    const again = await runScript('import-log', [file], target.urls);
    expect(again).toMatchObject({ end: 0 });
    expect(again.stdout).toMatch(/^There was no event to add\. .*\n$/);
    const piped = await runScript('export-log', ['-', '--json'], urls);
    expect(piped.stdout.slice(0, 40)).toContain('{"format":"truebook-log","version":2,');
    expect(JSON.parse(piped.stderr)).toMatchObject({ status: 'exported' });
    expect(await runScript('export-log', [], urls)).toMatchObject({ end: 1 });
  });
});

describe('the tables of the log database', () => {
  it('are moved with all their columns, or stay for a reason', async () => {
    const { urls } = await cloneDatabases();
    const rows = await query<{ name: string; columns: string[] }>(
      urls.log,
      `select c.relname as name, array_agg(a.attname::text order by a.attname) as columns
       from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
         and not c.relispartition and a.attnum > 0 and not a.attisdropped
       group by 1`,
    );
    const moved = rows.filter(({ name }) => STAYS[name] === undefined);
    expect(Object.fromEntries(moved.map(({ name, columns }) => [name, columns]))).toEqual(
      Object.fromEntries(MOVED_TABLES.map((t) => [t.name, Object.keys(t.columns).sort()])),
    );
  });
});
