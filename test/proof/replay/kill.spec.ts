import { openAccount } from '../../harness/books';
import { query } from '../../harness/cluster';
import { startTestLedger } from '../../harness/ledger';
import { runScript, startScript } from '../../harness/script';
import { seededRandom } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { mixedBooks } from './mixed-books';
import { leftBehind } from './some-books';
import { schemaOf } from './state-schema';

describe('npm run replay killed with kill -9', () => {
  it('is followed at once by another replay', async () => {
    const ledger = await startTestLedger();
    const { databases } = ledger;
    const { urls } = databases;
    await mixedBooks(ledger, seededRandom(), 300);
    await ledger.close();
    await query(
      databases.superUrls.state,
      `create function public.wait_here() returns event_trigger language plpgsql as
         $$ begin perform pg_sleep(0.3); end $$;
       create event trigger wait_here on ddl_command_start when tag in ('CREATE INDEX')
         execute function public.wait_here()`,
    );
    const { child, ended } = await startScript('replay', [], urls);
    await waitFor('the indexes to be built', async () => {
      const building = await query(
        databases.superUrls.state,
        `select from pg_stat_activity where datname = current_database() and state = 'active'
           and query ~* '^create (unique )?index'`,
      );
      return building.length > 0;
    });
    child.kill('SIGKILL');
    expect((await ended).end).toBe('SIGKILL');
    expect(await runScript('replay', [], urls)).toMatchObject({ end: 0, stderr: '' });
    await query(
      databases.superUrls.state,
      'drop event trigger wait_here; drop function public.wait_here',
    );
  });
});

describe('npm run replay that stalls under the locks', () => {
  it('holds writers for ten seconds and no longer', async () => {
    const ledger = await startTestLedger({ limits: { lockTimeoutMs: 20_000 } });
    const { databases } = ledger;
    const { urls, superUrls } = databases;
    await mixedBooks(ledger, seededRandom(), 100);
    const schema = await schemaOf(urls.state);
    await query(
      superUrls.state,
      `create function public.wait_here() returns event_trigger language plpgsql as
         $$ begin perform pg_sleep(1); end $$;
       create event trigger wait_here on ddl_command_start when tag in ('ALTER SCHEMA')
         execute function public.wait_here()`,
    );
    const { child, ended } = await startScript('replay', [], urls);
    await waitFor('the swap', async () => {
      const swapping = await query(
        superUrls.state,
        `select from pg_stat_activity where datname = current_database() and state = 'active'
           and query like 'alter schema "state" rename%'`,
      );
      return swapping.length > 0;
    });
    child.kill('SIGSTOP');
    const startedMs = performance.now();
    await openAccount(ledger);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    // The server has let the writers go, and may still be ending the session.
    await waitFor(
      'the stalled session to be gone',
      async () => (await leftBehind(databases)).length === 0,
    );
    child.kill('SIGCONT');
    const { end, stderr } = await ended;
    expect(end).toBe(1);
    expect(stderr).toMatch(/idle-in-transaction timeout|[Cc]onnection/);
    expect(await schemaOf(urls.state)).toEqual(schema);
  });
});
