import { query } from '../../harness/cluster';
import { runScript } from '../../harness/script';
import { PARTITION, unguarded } from '../../harness/unguarded';
import { replayOf, verifyOf } from '../replay/some-books';
import { startAmendedBooks, type AmendedBooks } from './amended-books';

/** Books with an event that was amended twice, one that never was, and nobody who uses them. */
async function amendedBooks(): Promise<{ books: AmendedBooks; twice: number; never: number }> {
  const books = await startAmendedBooks();
  const twice = await books.transfer('100.00');
  const never = await books.transfer('5.00');
  for (const amount of ['70.00', '50.00']) {
    const data = await books.withAmount(twice, amount);
    expect((await books.amend(twice, { data, reason: 'x' })).status).toBe(200);
  }
  await books.service.close();
  return { books, twice, never };
}

/** Statements of a superuser whom no trigger stops. */
async function tamper(books: AmendedBooks, statements: readonly string[]): Promise<void> {
  const { databases } = books.service;
  databases.isChecked = false;
  await unguarded(databases.superUrls.log, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

/** What the log is found to be. */
async function findings(books: AmendedBooks) {
  const report = await verifyOf(books.service);
  expect(report.status).toBe('failed');
  expect(report.chain.ok).toBe(false);
  const { status } = await replayOf(books.service);
  expect(['failed', 'differs']).toContain(status);
  return report.log.map(({ kind, position, detail }) => ({ kind, position, detail }));
}

const forged = `jsonb_set(data::jsonb, '{description}', '"forged"')::json`;

describe('somebody with all rights', () => {
  it('is found where the data of an amended event was changed', async () => {
    const { books, twice } = await amendedBooks();
    await tamper(books, [`update ${PARTITION} set data = ${forged} where position = ${twice}`]);
    expect(await findings(books)).toMatchObject([
      {
        kind: 'event_changed',
        position: twice,
        detail: expect.stringContaining('it became') as unknown,
      },
    ]);
  });

  it('is found where any of the backups was changed', async () => {
    const { books, twice } = await amendedBooks();
    for (const change of [
      `data = ${forged}`,
      'event_id = gen_random_uuid()',
      `reason = 'another'`,
      `amended_by = 'nobody'`,
      `amended_at = now() - interval '1 day'`,
    ]) {
      for (const amendment of [1, 2]) {
        await tamper(books, ['create table kept as table event_backup']);
        await tamper(books, [`update event_backup set ${change} where amendment = ${amendment}`]);
        expect(await findings(books)).toMatchObject([{ kind: 'event_changed', position: twice }]);
        await tamper(books, [
          'delete from event_backup',
          'insert into event_backup table kept',
          'drop table kept',
        ]);
      }
    }
    expect((await verifyOf(books.service)).status).toBe('passed');
  });

  it('is found where backups are gone', async () => {
    for (const which of ['amendment = 1', 'amendment = 2', 'true']) {
      const { books, twice } = await amendedBooks();
      await tamper(books, [`delete from event_backup where ${which}`]);
      expect(await findings(books)).toMatchObject([{ kind: 'event_changed', position: twice }]);
    }
  });

  it('is found where an amended event was made what it was again', async () => {
    const { books, twice } = await amendedBooks();
    await tamper(books, [
      `update ${PARTITION} e set data = b.data from event_backup b
       where b.position = e.position and b.amendment = 1`,
      'delete from event_backup',
    ]);
    expect(await findings(books)).toMatchObject([
      {
        kind: 'event_changed',
        position: twice,
        detail: expect.stringContaining('no backup') as unknown,
      },
    ]);
  });

  it('is found where an event was changed as if it had been amended', async () => {
    for (const at of ['999', '(select max(position) from event_log)']) {
      const { books, never } = await amendedBooks();
      await tamper(books, [
        `insert into event_backup select position, 1, event_id, type, version, data, now(), 'me',
           'none', ${at} + 1000 from event_log where position = ${never}`,
        `update ${PARTITION} set data = ${forged} where position = ${never}`,
      ]);
      expect(await findings(books)).toMatchObject([
        {
          kind: 'event_changed',
          position: never,
          detail: expect.stringContaining('no event') as unknown,
        },
      ]);
    }
  });

  it('is found where the type of an amended event was changed', async () => {
    const { books, twice } = await amendedBooks();
    await tamper(books, [
      `update ${PARTITION} set type = 'EventAmended', version = 1 where position = ${twice}`,
    ]);
    // What it says is nothing that an event of that type can say.
    const found = { status: 'failed', doom: { position: twice, type: 'EventAmended' } };
    expect(await verifyOf(books.service)).toMatchObject(found);
    expect(await replayOf(books.service)).toMatchObject(found);
  });

  it('is told apart from a verification of a time before the amendment', async () => {
    const { books, never } = await amendedBooks();
    const report = await verifyOf(books.service, { toPosition: never });
    expect(report).toMatchObject({ log: [], chain: { ok: true } });
    expect(await runScript('verify', ['--json'], books.service.urls)).toMatchObject({ end: 0 });
    await tamper(books, ['delete from event_backup']);
    expect((await runScript('verify', ['--json'], books.service.urls)).end).toBe(5);
  });
});

describe('the log database', () => {
  it('changes no event without its backup, and no backup at all', async () => {
    const { books, twice, never } = await amendedBooks();
    const { urls } = books.service;
    const owner = (statement: string) => query(urls.log, statement);
    const change = `update event_log set data = '{}' where position =`;
    await expect(owner(`${change} ${never}`)).rejects.toThrow('append-only');
    // A backup of before does not count.
    await expect(owner(`${change} ${twice}`)).rejects.toThrow('append-only');
    const backup = (data: string) =>
      `insert into event_backup select position, 9, event_id, type, version, ${data}, now(), 'me',
         'none', 999 from event_log where position = ${never};`;
    await expect(owner(`${backup(`'{}'`)} ${change} ${never}`)).rejects.toThrow('append-only');
    const other = `update event_log set actor = 'me' where position = ${never}`;
    await expect(owner(`${backup('data')} ${other}`)).rejects.toThrow('append-only');
    await expect(owner(`delete from event_log where position = ${never}`)).rejects.toThrow();
    for (const statement of [
      `update event_backup set reason = 'none'`,
      'delete from event_backup',
      'truncate event_backup',
    ]) {
      await expect(owner(statement)).rejects.toThrow('append-only');
    }
    expect((await verifyOf(books.service)).status).toBe('passed');
  });

  it('takes no backup of before, even where the event is what it was then', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const data = await books.withAmount(position, '70.00');
    expect((await books.amend(position, { data, reason: 'x' })).status).toBe(200);
    expect((await books.restore(position, 1)).status).toBe(200);
    const change = `update event_log set data = '{}' where position = ${position}`;
    await expect(query(books.service.urls.log, change)).rejects.toThrow('append-only');
  });

  it('lets only one role amend', async () => {
    const { books, never } = await amendedBooks();
    const as = (role: string, statement: string) =>
      query(books.service.urls.log, `set role ${role}; ${statement}`);
    const backup = `insert into event_backup select position, 1, event_id, type, version, data,
      now(), 'me', 'none', 999 from event_log where position = ${never}`;
    const roles = ['log_writer', 'log_reader', 'log_replayer', 'task_worker', 'run_recorder'];
    for (const role of roles) {
      await expect(as(`truebook_${role}`, backup)).rejects.toThrow('permission denied');
      const change = `update event_log set data = '{}' where position = ${never}`;
      await expect(as(`truebook_${role}`, change)).rejects.toThrow('permission denied');
    }
    const amender = 'truebook_log_amender';
    for (const statement of ['delete from event_log', `update event_log set actor = 'me'`]) {
      await expect(as(amender, statement)).rejects.toThrow('permission denied');
    }
  });
});
