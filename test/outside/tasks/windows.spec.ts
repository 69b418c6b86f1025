import { changeAddress, createCompanies } from '../../harness/address-changes';
import { BACKENDS } from './queue-backends';
import { expectToldAtLast, HeldTable, Lives, outcomes } from './service-lives';

const [[, onPostgres]] = BACKENDS;

describe('a service killed on the way from the log to the queue', () => {
  it('after the commit of the log, before any hand-over: the next one does it', async () => {
    const lives = await Lives.start(onPostgres);
    const companies = await createCompanies(lives.service.api, 2);
    const table = await HeldTable.hold(lives.databases, 'log', 'task_dispatch');
    for (const [i, company] of companies.entries()) {
      const answer = await changeAddress(lives.service.api, company, `key ${i}`);
      expect(answer.status).toBe(200);
    }
    await table.untilWanted();
    await lives.kill();
    await table.letGo();
    expect(await outcomes(lives)).toEqual(Array(2).fill(['recorded', 0]));
    expect(await lives.queue.countJobs()).toBe(0);

    await lives.begin();
    await expectToldAtLast(lives, companies);
    expect(await outcomes(lives)).toEqual(Array(2).fill(['done', 1]));
    expect(lives.mail.mails).toHaveLength(2);
  });
});
