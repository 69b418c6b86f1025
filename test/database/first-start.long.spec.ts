import { setTimeout as delay } from 'node:timers/promises';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiClient } from '../harness/api-client';
import { ownClusterFolder } from '../harness/own-cluster';
import { killTree } from '../harness/process-tree';
import { seededRandom } from '../harness/seed';
import { spawnProcess, spawnService } from '../harness/service';

/** Moments at which it is killed; `FIRST_START_KILLS` says how many. */
const ROUNDS = Number(process.env['FIRST_START_KILLS'] ?? 50);
/** The key is made by the first start, and kept in the data directory. */
const OWN_KEY = { ADMIN_API_KEY: '' };
const ACCOUNT = { name: 'x', type: 'asset', currency: 'USD' };

/** How long a first start takes, so that kills meet all of it. */
async function firstStartMs(): Promise<number> {
  const dataDir = await ownClusterFolder();
  const began = performance.now();
  const service = await spawnService({ dataDir });
  const took = performance.now() - began;
  service.kill('SIGTERM');
  await service.exited;
  await rm(dataDir, { recursive: true });
  return took;
}

describe('a first start that is killed with everything it started', () => {
  it(
    'is finished or repeated by the next start, whenever that was',
    async () => {
      const random = seededRandom();
      const longestMs = await firstStartMs();
      for (let round = 0; round < ROUNDS; round++) {
        const dataDir = await ownClusterFolder();
        const { child, exited } = await spawnProcess({ dataDir, env: OWN_KEY });
        // One kill in each part of the start, at a random moment of it.
        await delay(((round + random.below(1000) / 1000) / ROUNDS) * longestMs);
        await killTree(child.pid!);
        expect(await exited).toBe('SIGKILL');
        const next = await spawnService({ dataDir, env: OWN_KEY });
        const key = (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim();
        expect((await new ApiClient(next.url, key).post('/v1/accounts', ACCOUNT)).status).toBe(201);
        next.kill('SIGTERM');
        expect(await next.exited).toBe(0);
        const drafts = (await readdir(dataDir)).filter((name) => name.includes('draft'));
        expect(drafts).toEqual([]);
        await rm(dataDir, { recursive: true });
      }
    },
    60_000 + ROUNDS * 40_000,
  );
});
