import { PostgresJobStore } from '../../../src/outside/tasks/job-postgres';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';

it('a connection may break while BullMQ has it and asks nothing', async () => {
  const { urls, superUrls } = await cloneDatabases();
  const timings = { answerMs: 2_000, retryMs: 50 };
  const store = new PostgresJobStore(urls.state, timings, () => undefined);
  const client = await store['connection'].pool.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  await query(superUrls.state, 'select pg_terminate_backend($1, 5000)', [rows[0]!.pid]);
  await expect(client.query('select 1')).rejects.toThrow();
  client.release(true);
  await store.ping();
  await store.close();
});
