import { chmod, mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgres } from '../../src/database/embedded-postgres';
import { testCluster } from './cluster';
import { waitFor } from './waiting';

/** A folder for a PostgreSQL that one spec has for itself, to do to it what others must not see. */
export async function ownClusterFolder(): Promise<string> {
  const folder = await mkdtemp(join(testCluster().runDir, 'cluster-'));
  await chmod(folder, 0o755);
  return folder;
}

/** The process that a cluster's other processes come from. */
export async function postmasterOf(folder: string): Promise<number> {
  const file = await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8');
  return Number(file.split('\n')[0]);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The database `postgres` of the cluster in a folder, as the superuser. */
export async function superUrlOf(folder: string): Promise<string> {
  const password = (await readFile(join(folder, 'postgres-password'), 'utf8')).trim();
  const host = encodeURIComponent(join(folder, 'postgres'));
  return `postgresql://postgres:${password}@localhost/postgres?host=${host}`;
}

/** Sends a signal to a cluster's postmaster and waits until it is gone. */
export async function endCluster(folder: string, signal: 'SIGKILL' | 'SIGINT'): Promise<void> {
  const pid = await postmasterOf(folder);
  process.kill(pid, signal);
  await waitFor(`PostgreSQL to end by ${signal}`, () => !isAlive(pid), 30_000);
}

/** Starts the cluster in a folder; its last user stops it. */
export function openCluster(folder: string): Promise<EmbeddedPostgres> {
  return EmbeddedPostgres.open(folder);
}
