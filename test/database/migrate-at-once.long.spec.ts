import type { DatabaseUrls } from '../../src/database/connections';
import { installationOf } from '../../src/database/connections';
import { migrate } from '../../src/database/migrator';
import { databaseUrl, query, testCluster } from '../harness/cluster';
import { openCluster, ownClusterFolder } from '../harness/own-cluster';
import { runScript } from '../harness/script';

/** Two empty databases of the owner. */
async function emptyDatabases(name: string): Promise<DatabaseUrls> {
  const { superUrl, ownerUrl } = testCluster();
  const make = async (kind: string) => {
    const database = `at_once_${name}_${kind}`;
    await query(superUrl, `create database ${database} owner truebook_owner`);
    return databaseUrl(ownerUrl, database);
  };
  return { log: await make('log'), state: await make('state') };
}

describe('npm run migrate', () => {
  it('is done by one of those that are started at once, and the others wait', async () => {
    for (let round = 0; round < 9; round++) {
      const urls = await emptyDatabases(`${process.pid}_${round}`);
      const programs = 4 + (round % 3);
      const started = Array.from({ length: programs }, () => runScript('migrate', [], urls));
      const ends = await Promise.all(started);
      expect(ends.map(({ end }) => end)).toEqual(ends.map(() => 0));
      const ran = ends.flatMap(({ stdout }) => stdout.match(/^(?:log|state|queue)\/.*$/gm) ?? []);
      // Every migration ran once, whoever did it.
      expect(ran.length).toBe(new Set(ran).size);
      expect(ran.length).toBeGreaterThan(10);
    }
  }, 600_000);
});

describe('two installations of a cluster, of different owners', () => {
  it('are migrated for the first time at once, each with roles of its own', async () => {
    for (let round = 0; round < 3; round++) {
      const cluster = await openCluster(await ownClusterFolder());
      const superUrl = await cluster.superUrl();
      const urlsOf = async (owner: string) => {
        await query(superUrl, `create role ${owner} login createrole password 'x'`);
        const make = async (kind: string) => {
          await query(superUrl, `create database ${owner}_${kind} owner ${owner}`);
          const url = new URL(databaseUrl(superUrl, `${owner}_${kind}`));
          url.username = owner;
          url.password = 'x';
          return url.href;
        };
        return { log: await make('log'), state: await make('state') };
      };
      const owners = [await urlsOf('first'), await urlsOf('second')];
      const migrated = await Promise.all(owners.map(migrate));
      const names = migrated.map(({ urls }) => [urls.log, urls.state].map(installationOf));
      expect(new Set(names.flat()).size).toBe(2);
      for (const [log, state] of names) expect(state).toBe(log);
      await cluster.close();
    }
  }, 600_000);
});
