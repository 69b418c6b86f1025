import { setTimeout as delay } from 'node:timers/promises';
import { openAccount } from '../../harness/books';
import { query, withClient } from '../../harness/cluster';
import { startTestLedger } from '../../harness/ledger';
import { startScript } from '../../harness/script';
import { waitFor } from '../../harness/waiting';

/** npm passes on what it hears so soon after the terminal has said it. */
const NPM_MS = 50;

describe.each([
  ['verify', 'SIGQUIT', 131],
  ['replay', 'SIGINT', 130],
] as const)('npm run %s that is interrupted by %s', (name, signal, code) => {
  it('ends in order, also where npm and the terminal both say so', async () => {
    const ledger = await startTestLedger();
    await openAccount(ledger);
    const { urls, superUrls } = ledger.databases;
    await ledger.close();
    const ended = await withClient(superUrls.state, async (holder) => {
      await holder.query('begin; lock table state.event_log_state in access exclusive mode');
      const script = await startScript(name, [], urls);
      await waitFor('the run to wait for the state', async () => {
        const waiting = await query(
          superUrls.state,
          `select from pg_stat_activity where datname = current_database()
             and wait_event_type = 'Lock' and query like '%event_log_state%'`,
        );
        return waiting.length > 0;
      });
      script.child.kill(signal);
      await delay(NPM_MS);
      script.child.kill(signal);
      await holder.query('rollback');
      return script.ended;
    });
    expect(ended).toMatchObject({ end: code, stderr: '' });
    const runs = await query(urls.log, 'select status, error from runs');
    expect(runs).toEqual([{ status: 'aborted', error: `${signal} ended it` }]);
  });
});
