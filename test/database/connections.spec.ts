import { sql } from 'kysely';
import { openPool, ROLES, SESSION_SETTINGS, type Role } from '../../src/database/connections';
import { ScratchDatabases } from '../../src/database/scratch-databases';
import { Registry } from '../../src/engine/define/registry';
import { features } from '../../src/features';
import { openAdminKey } from '../../src/http/admin-key';
import { Rebuild } from '../../src/proof/replay/rebuild';
import { currentAccount, openAccount } from '../harness/books';
import { endQueries, query, testCluster } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { startTestLedger } from '../harness/ledger';

const TIMEOUTS = { lockTimeoutMs: 5_000, statementTimeoutMs: 30_000 };

describe('a connection of the program', () => {
  it('has the server ask whether its host is still there', async () => {
    const { urls } = await cloneDatabases();
    // Nobody else can replay while the server believes in this one.
    const rebuild = await Rebuild.open({ urls, registry: new Registry(features) });
    const { rows } = await sql<{ name: string }>`
      select name from pg_settings
      where name like 'tcp_keepalives_%' and source = 'client'
      order by name`.execute(rebuild.db);
    rebuild.close();
    expect(rows.map(({ name }) => name.replace('tcp_keepalives_', ''))).toEqual([
      'count',
      'idle',
      'interval',
    ]);
  });

  it('is the user of its URL alone, also where a key or a database is made', async () => {
    const { urls } = await cloneDatabases();
    const otherwise = (url: string) => {
      const options = `-c role=${ROLES.stateReader} -c statement_timeout=1ms`;
      return `${url}&options=${encodeURIComponent(options)}`;
    };
    const source = { dataDir: testCluster().runDir, configured: 'a key of the admin' };
    const made = await openAdminKey(otherwise(urls.log), source);
    expect(made.key).toBe(source.configured);
    const scratch = new ScratchDatabases(otherwise(urls.state), testCluster().superUrl);
    const [owned] = await query<{ owner: string }>(
      await scratch.create('spec'),
      'select pg_get_userbyid(datdba) as owner from pg_database where datname = current_database()',
    );
    expect(owned).toEqual({ owner: 'truebook_owner' });
    await endQueries();
    await scratch.drop();
  });

  it('is what we say, whatever its URL, its database and its user say', async () => {
    const databases = await cloneDatabases();
    const inherited = {
      timezone: 'Europe/Berlin',
      datestyle: 'German',
      bytea_output: 'escape',
      search_path: 'pg_catalog',
      statement_timeout: '1ms',
      array_nulls: 'off',
      quote_all_identifiers: 'on',
      synchronous_commit: 'off',
      default_transaction_isolation: 'serializable',
    };
    const options = Object.entries(inherited).map(([name, value]) => `-c ${name}=${value}`);
    const otherwise = (url: string) => `${url}&options=${encodeURIComponent(options.join(' '))}`;
    const { log, state } = databases.urls;
    const inDatabases = async (clauses: readonly string[]) => {
      for (const url of [log, state]) {
        const { pathname, username } = new URL(url);
        const database = pathname.slice(1);
        const places = [`database ${database}`, `role ${username} in database ${database}`];
        const statements = places.flatMap((place) => clauses.map((one) => `alter ${place} ${one}`));
        for (const statement of statements) await query(testCluster().superUrl, statement);
      }
    };
    await inDatabases(Object.entries(inherited).map(([name, value]) => `set ${name} = '${value}'`));
    const urls = { log: otherwise(log), state: otherwise(state) };
    const ledger = await startTestLedger({ databases, urls });
    const account = await openAccount(ledger);
    expect(await currentAccount(ledger, account.id)).toMatchObject({ balance: '0.00' });
    const { stateReader, callersLog, logReader } = ledger.open;
    const wanted = { ...SESSION_SETTINGS, synchronous_commit: 'on' };
    const names = Object.keys(wanted);
    const settings = sql<{ name: string; value: string }>`
      select name, current_setting(name) as value from unnest(${names}::text[]) as name
      union all values ('role', current_user::text)`;
    const asked = async (role: Role) => {
      const pool = openPool<unknown>(urls.log, role, TIMEOUTS, 1, () => undefined);
      return [role, await settings.execute(pool).finally(() => pool.destroy())] as const;
    };
    const sessions = [
      [ROLES.stateReader, (await stateReader.read((db) => settings.execute(db))).value],
      [ROLES.logReader, await callersLog.read((db) => settings.execute(db))],
      [ROLES.logReader, await settings.execute(logReader)],
      // Those that commit to the log.
      await asked(ROLES.logWriter),
      await asked(ROLES.logAmender),
      await asked(ROLES.runRecorder),
      await asked(ROLES.taskWorker),
    ] as const;
    for (const [role, { rows }] of sessions) {
      const found = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
      expect(found).toEqual({ ...wanted, role });
    }
    // What the harness looks at the books with is not ours.
    await inDatabases(['reset all']);
  });
});
