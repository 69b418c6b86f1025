import { EmbeddedPostgres } from '../../src/database/embedded-postgres';
import { migrate } from '../../src/database/migrator';
import { openLedger } from '../../src/engine/open-ledger';
import { features } from '../../src/features';
import { Config } from '../../src/config';
import { OpenAccount } from '../../src/accounts/account.creators';
import { PostTransaction, ReverseTransaction } from '../../src/transactions/transaction.creators';
async function main() {
  const config = Config.load();
  console.time('pg');
  const pg = await EmbeddedPostgres.open(config.dataDir);
  console.timeEnd('pg'); console.time('migrate');
  console.log(await migrate(pg.urls));
  console.timeEnd('migrate');console.time('open');
  const l = await openLedger({ urls: pg.urls, features, limits: config.engine, readPoolSize: 5, log: console as never });
  console.timeEnd('open');
  const actor = 'admin';
  const r = (o: any) => { if (o.kind !== 'accepted') throw o.refusal; return o.answer; };
  const acc: string[] = [];
  await Promise.all(Array.from({ length: 1000 }, async (_, i) => { acc[i] = r(await l.ledger.submit({ creator: OpenAccount, actor, input: { name: 'a' + i, type: i % 2 ? 'liability' : 'asset', currency: 'USD' } })).id; }));
  const t = r(await l.ledger.submit({ creator: PostTransaction, actor, idempotencyKey: 'k' + Date.now(), input: { description: 'x', postings: [{ accountId: acc[0]!, direction: 'debit', amount: '10' }, { accountId: acc[1]!, direction: 'credit', amount: '10.0' }] } }));
  console.log(t);
  console.log(r(await l.ledger.submit({ creator: ReverseTransaction, actor, input: { transactionId: t.id } })));
  for (const n of [1, 8, 64, 256]) {
    const end = Date.now() + 4000; let done = 0; const lat: number[] = [];
    await Promise.all(Array.from({ length: n }, async () => {
      while (Date.now() < end) {
        const a = Math.random() * 1000 | 0; let b = Math.random() * 1000 | 0; if (a === b) b = (b + 1) % 1000;
        const t0 = performance.now();
        r(await l.ledger.submit({ creator: PostTransaction, actor, input: { description: 'transfer', postings: [{ accountId: acc[a]!, direction: 'debit', amount: '1.00' }, { accountId: acc[b]!, direction: 'credit', amount: '1.00' }] } }));
        lat.push(performance.now() - t0); done++;
      }
    }));
    lat.sort((x, y) => x - y);
    console.log(n, Math.round(done / 4), 'tx/s p50', lat[lat.length >> 1]!.toFixed(2), 'p99', lat[Math.floor(lat.length * .99)]!.toFixed(2));
  }
  await l.close(); await pg.close();
}
void main();
