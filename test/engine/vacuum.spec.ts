import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../harness/books';
import { query, testCluster, withClient } from '../harness/cluster';
import { startTestLedger, type TestLedger } from '../harness/ledger';
import { waitFor } from '../harness/waiting';

const PARTITION = 'event_log_p0000000000001';
const CALLERS = 40;
const VACUUMS = 15;

/** Writes without a pause while `work` runs. @returns how many transfers were written meanwhile */
async function whileWriting(ledger: TestLedger, work: () => Promise<void>): Promise<number> {
  const [cash, equity] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
  const before = ledger.open.ledger.head.position;
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!isOver) await ledger.accept(PostTransaction, transfer(cash, equity, '1'));
  });
  try {
    await work();
  } finally {
    isOver = true;
    await Promise.all(callers);
  }
  return ledger.open.ledger.head.position - before;
}

describe('vacuum of the log’s partition under constant writing', () => {
  it('waits for no lock of the ledger, and the ledger for none of its', async () => {
    const ledger = await startTestLedger();
    const { log } = ledger.databases.urls;
    let blocked = 0;
    let longest = 0;
    const written = await whileWriting(ledger, () =>
      withClient(log, async (owner) => {
        const [backend] = (await owner.query<{ pid: number }>('select pg_backend_pid() as pid'))
          .rows;
        await withClient(testCluster().superUrl, async (watcher) => {
          for (let i = 0; i < VACUUMS; i++) {
            const started = performance.now();
            let isDone = false;
            const vacuum = owner
              .query(`vacuum (analyze, freeze) ${PARTITION}`)
              .finally(() => (isDone = true));
            while (!isDone) {
              const { rows } = await watcher.query<{ blocked: boolean }>(
                `select cardinality(pg_blocking_pids($1)) > 0 or exists (
                   select from pg_stat_activity where $1 = any(pg_blocking_pids(pid))
                 ) as blocked`,
                [backend!.pid],
              );
              if (rows[0]!.blocked) blocked++;
            }
            await vacuum;
            longest = Math.max(longest, performance.now() - started);
          }
        });
      }),
    );
    expect(blocked).toBe(0);
    expect(longest).toBeLessThan(10_000);
    expect(written).toBeGreaterThan(VACUUMS);
  });

  it('comes by itself', async () => {
    const ledger = await startTestLedger();
    const { superUrl } = testCluster();
    await query(
      ledger.databases.urls.log,
      `alter table ${PARTITION} set (autovacuum_vacuum_insert_threshold = 50,
         autovacuum_vacuum_insert_scale_factor = 0)`,
    );
    const setNaptime = async (value: string) => {
      await query(superUrl, `alter system set autovacuum_naptime = ${value}`);
      await query(superUrl, 'select pg_reload_conf()');
    };
    await setNaptime(`'1s'`);
    try {
      await whileWriting(ledger, async () => {
        await waitFor(
          'autovacuum',
          async () => {
            const [table] = await query<{ count: number }>(
              ledger.databases.urls.log,
              'select autovacuum_count as count from pg_stat_user_tables where relname = $1',
              [PARTITION],
            );
            return table!.count > 0;
          },
          45_000,
        );
      });
    } finally {
      await setNaptime('default');
    }
  });
});
