import { PostgresJobStore } from '../../../src/outside/tasks/job-postgres';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { DatabaseProxy } from '../../harness/proxy';

const TIMINGS = { answerMs: 2_000, retryMs: 50 };

it('a connection may break while BullMQ has it and asks nothing', async () => {
  const { urls, superUrls } = await cloneDatabases();
  const store = new PostgresJobStore(urls.state, TIMINGS, () => undefined);
  const client = await store['connection'].pool.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  await query(superUrls.state, 'select pg_terminate_backend($1, 5000)', [rows[0]!.pid]);
  await expect(client.query('select 1')).rejects.toThrow();
  client.release(true);
  await store.ping();
  await store.close();
});

it('a connection may break with the bytes that open it, and the next one listens', async () => {
  const { urls } = await cloneDatabases();
  const proxy = await DatabaseProxy.start(urls.state);
  const heard: string[] = [];
  const store = new PostgresJobStore(proxy.url, TIMINGS, ({ message }) => heard.push(message));
  const connection = store['connection'];
  const listens = async () => {
    const client = await connection.getListenClient();
    return (await client.query<{ one: number }>('select 1 as one')).rows;
  };
  proxy.endsSessionsAtOnce = true;
  for (let attempt = 0; attempt < 3; attempt++) {
    await expect(listens()).rejects.toThrow('terminating connection');
    await expect(store.ping()).rejects.toThrow();
  }
  expect(heard).toContain('terminating connection');
  proxy.endsSessionsAtOnce = false;
  expect(await listens()).toEqual([{ one: 1 }]);
  await store.ping();
  await store.close();
  await proxy.close();
});
