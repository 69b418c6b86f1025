import { throwAtEnd, type SpawnedService } from '../harness/service';
import { waitFor } from '../harness/waiting';

const ACCOUNT = { name: 'x', type: 'asset', currency: 'USD' };
/** How long a service may take to have its PostgreSQL back. */
export const READY_MS = 60_000;

export async function isLive({ api }: SpawnedService): Promise<boolean> {
  return (await api.get('/v1/health/live')).status === 200;
}

export async function isReady({ api }: SpawnedService): Promise<boolean> {
  return (await api.get('/v1/health/ready')).status === 200;
}

/** Opens an account. @returns the status of the answer */
export async function open({ api }: SpawnedService): Promise<number> {
  return (await api.post('/v1/accounts', ACCOUNT)).status;
}

/** The service answers all the while, and writes in the end; readiness may be a second old. */
export async function waitUntilBack(service: SpawnedService): Promise<void> {
  const back = async () => {
    expect(await isLive(service)).toBe(true);
    return (await isReady(service)) && (await open(service)) === 201;
  };
  await Promise.race([waitFor('PostgreSQL to be back', back, READY_MS), throwAtEnd(service)]);
}
