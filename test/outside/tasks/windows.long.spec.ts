import {
  changeAddress,
  createCompanies,
  settledAddresses,
  taskIdOf,
} from '../../harness/address-changes';
import { query } from '../../harness/cluster';
import { waitFor } from '../../harness/waiting';
import { BACKENDS } from './queue-backends';
import { expectToldAtLast, HeldTable, Lives, outcomes } from './service-lives';

const [[, onPostgres]] = BACKENDS;

describe('a service killed on the way from the log to the queue', () => {
  it('after the hand-over was noted, before the queue had it: the next sweep does it', async () => {
    const lives = await Lives.start(onPostgres);
    const companies = await createCompanies(lives.service.api, 2);
    const table = await HeldTable.hold(lives.databases, 'state', 'bullmq.job');
    const [first, second] = companies;
    await changeAddress(lives.service.api, first!, 'first');
    await table.untilWanted();
    // Waits in the log for the queue to take the first one.
    await changeAddress(lives.service.api, second!, 'second');
    await lives.kill();
    await table.letGo();
    expect(await outcomes(lives)).toEqual([
      ['queued', 0],
      ['recorded', 0],
    ]);
    expect(await lives.queue.countJobs()).toBe(0);

    await lives.begin();
    await expectToldAtLast(lives, companies);
    expect(await outcomes(lives)).toEqual(Array(2).fill(['done', 1]));
    expect(lives.mail.mails).toHaveLength(2);
  });

  it('after one of a company was done, before its next one was in the queue', async () => {
    const lives = await Lives.start(onPostgres);
    const companies = await createCompanies(lives.service.api, 1);
    let table: HeldTable | undefined;
    lives.mail.onMail = async () => {
      lives.mail.onMail = () => undefined;
      for (const key of ['second', 'third']) {
        await changeAddress(lives.service.api, companies[0]!, key);
      }
      await waitFor('both to wait for the first', async () =>
        (await outcomes(lives)).slice(1).every(([status]) => status === 'queued'),
      );
      table = await HeldTable.hold(lives.databases, 'state', 'bullmq.job');
    };
    await changeAddress(lives.service.api, companies[0]!, 'first');
    await waitFor('the first to be done', async () => (await outcomes(lives))[0]?.[0] === 'done');
    await lives.kill();
    await table!.letGo();
    expect((await outcomes(lives)).slice(1)).toEqual(Array(2).fill(['queued', 0]));

    await lives.begin();
    await expectToldAtLast(lives, companies);
    expect(await outcomes(lives)).toEqual(Array(3).fill(['done', 1]));
    expect(lives.mail.mails).toHaveLength(3);
  });
});

describe.each(BACKENDS)(
  'a service killed while a task is done, with the queue on %s',
  (_, start) => {
    it('when the mail was there and not answered: it comes again under the same id', async () => {
      const lives = await Lives.start(start);
      const companies = await createCompanies(lives.service.api, 1);
      const killed = new Promise<void>((done) => {
        lives.mail.onMail = async () => {
          lives.mail.onMail = () => undefined;
          await lives.kill();
          done();
        };
      });
      expect(await changeAddress(lives.service.api, companies[0]!, 'key')).toMatchObject({
        status: 200,
      });
      await killed;
      expect(await outcomes(lives)).toEqual([['running', 1]]);

      await lives.begin();
      await expectToldAtLast(lives, companies);
      expect(await outcomes(lives)).toEqual([['done', 2]]);
      expect(lives.mail.mails).toHaveLength(2);
      expect(new Set(lives.mail.mails.map(taskIdOf)).size).toBe(1);
    });

    it('when the mail was taken, and not noted: it comes again under the same id', async () => {
      const lives = await Lives.start(start);
      const companies = await createCompanies(lives.service.api, 1);
      let table: HeldTable | undefined;
      lives.mail.onMail = async () => {
        lives.mail.onMail = () => undefined;
        // The attempt has begun, so what wants the table next is the record of its end.
        table = await HeldTable.hold(lives.databases, 'log', 'task_delivery');
      };
      await changeAddress(lives.service.api, companies[0]!, 'key');
      await waitFor('the mail', () => table);
      await waitFor('the record of its end', async () => {
        const waiting = await query(
          lives.databases.superUrls.log,
          `select from pg_stat_activity where datname = current_database()
           and wait_event_type = 'Lock' and query like '%"done_at" = case%'`,
        );
        return waiting.length > 0;
      });
      await lives.kill();
      await table!.letGo();
      expect(await outcomes(lives)).toEqual([['running', 1]]);

      await lives.begin();
      await expectToldAtLast(lives, companies);
      expect(await outcomes(lives)).toEqual([['done', 2]]);
      expect(lives.mail.mails).toHaveLength(2);
      expect(new Set(lives.mail.mails.map(taskIdOf)).size).toBe(1);
    });

    it('when a task waits for its instant: the next one does it, and not before', async () => {
      const lives = await Lives.start(start);
      const { urls } = lives.databases;
      const companies = await createCompanies(lives.service.api, 1);
      await changeAddress(lives.service.api, companies[0]!, 'key');
      await settledAddresses(urls);
      // Asked for by hand, so that no rebuild would ask for it.
      lives.databases.isChecked = false;
      const [later] = await query<{ not_before: string }>(
        urls.log,
        `insert into task_log (position, ordinal, task_id, name, subject, payload, not_before)
         select position, ordinal + 1, gen_random_uuid(), name, subject, payload,
           date_trunc('milliseconds', now() + interval '4 s')
         from task_log returning not_before`,
      );
      let toldAt = 0;
      lives.mail.onMail = () => void (toldAt = Date.now());
      const statuses = async () => {
        const deliveries = 'select status from task_delivery order by position, ordinal';
        return (await query<{ status: string }>(urls.log, deliveries)).map((d) => d.status);
      };
      await waitFor('it to be deferred', async () => (await statuses()).includes('deferred'));
      await lives.kill();
      expect(await statuses()).toEqual(['done', 'deferred']);
      expect(await lives.queue.countJobs()).toBe(0);

      await lives.begin();
      await waitFor('it to be done', async () => (await statuses())[1] === 'done');
      expect(toldAt).toBeGreaterThanOrEqual(Date.parse(later!.not_before));
      expect(lives.mail.mails).toHaveLength(2);
    });

    it('when it only hands over: the task stays in the queue for a worker', async () => {
      const lives = await Lives.start(start, { ROLE: 'api' });
      const companies = await createCompanies(lives.service.api, 2);
      for (const [i, company] of companies.entries()) {
        await changeAddress(lives.service.api, company, `key ${i}`);
      }
      await waitFor('the jobs', async () => (await lives.queue.countJobs()) === 2);
      await lives.kill();
      expect(await outcomes(lives)).toEqual(Array(2).fill(['queued', 0]));
      expect(lives.mail.mails).toHaveLength(0);

      await lives.begin({ ROLE: 'worker' });
      await expectToldAtLast(lives, companies);
      expect(await outcomes(lives)).toEqual(Array(2).fill(['done', 1]));
      expect(lives.mail.mails).toHaveLength(2);
    });
  },
);
