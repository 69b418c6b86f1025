import { query } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { DatabaseProxy } from '../harness/proxy';
import { spawnService } from '../harness/service';
import { ACCOUNTS, openAccounts, send, type Account, type Order } from './transfer-orders';

describe('the service killed with kill -9', () => {
  it('exactly between the two commits: the next start heals the state', async () => {
    const databases = await cloneDatabases();
    const proxy = await DatabaseProxy.start(databases.urls.state);
    databases.onEnd(() => proxy.close());
    const killed = await spawnService({ urls: { log: databases.urls.log, state: proxy.url } });
    const [from, to] = (await openAccounts(killed.api)) as [Account, Account];
    const order: Order = { key: 'between', from, to, cents: 5 };

    const isHeld = proxy.next('hold');
    const lost = expect(send(killed.api, order)).rejects.toThrow('fetch failed');
    await isHeld;
    const events = await query(
      databases.urls.log,
      `select position from event_log where type = 'TransactionPosted'`,
    );
    expect(events).toEqual([{ position: ACCOUNTS + 1 }]);
    killed.kill('SIGKILL');
    await killed.exited;
    await lost;
    proxy.cutAll();
    const state = await query(databases.urls.state, 'select position from event_log_state');
    expect(state).toEqual([{ position: ACCOUNTS }]);

    const { api } = await spawnService({ urls: databases.urls });
    const account = await api.get(`/v1/accounts/${to.id}`);
    expect(account.body).toMatchObject({ balance: '0.05', position: ACCOUNTS + 1 });
    const again = await send(api, order);
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(again.body).toMatchObject({ position: ACCOUNTS + 1 });
    expect(await send(api, { ...order, key: 'next' })).toMatchObject({ status: 201 });
  });
});
