import { features } from '../../../src/features';
import { OpenAccount } from '../../../src/books/accounts/account.creators';
import {
  CancelScheduledTransaction,
  PostScheduledTransactions,
  ScheduleTransaction,
} from '../../../src/books/schedules/schedule.creators';
import { readDue } from '../../../src/books/schedules/schedule.queries';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { startTestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { verifyOf } from '../../proof/replay/some-books';

interface Run {
  on: string;
  transactionId: string | null;
  refusal: { code: string } | null;
}
interface Scheduled {
  id: string;
  clientId: string;
  status: string;
  nextOn: string | null;
  runs: Run[];
}

const today = () => new Date().toISOString().slice(0, 10);

async function openAccounts(ledger: TestLedger): Promise<void> {
  const account = { type: 'asset', currency: 'EUR' } as const;
  await ledger.accept(OpenAccount, { ...account, clientId: 'flat', name: 'Flat' });
  await ledger.accept(OpenAccount, { ...account, clientId: 'bank', name: 'Bank' });
  await ledger.accept(OpenAccount, { ...account, clientId: 'poor', name: 'Poor', minBalance: '0' });
}

const rent = (from: string, rest: object = {}) => ({
  description: 'Rent',
  postings: [
    { accountId: 'client:flat', direction: 'debit' as const, amount: '10' },
    { accountId: `client:${from}`, direction: 'credit' as const, amount: '10' },
  ],
  postOn: today(),
  ...rest,
});

describe('scheduled transactions', () => {
  it('are posted by the service, once among several, and what is refused is seen', async () => {
    const databases = await cloneDatabases();
    const ledger = await startTestLedger({ databases });
    await openAccounts(ledger);
    for (let i = 0; i < 250; i++) await ledger.accept(ScheduleTransaction, rent('bank'));
    await ledger.accept(ScheduleTransaction, rent('poor', { clientId: 'p', repeat: 'daily' }));
    await ledger.accept(ScheduleTransaction, rent('bank', { clientId: 'm', repeat: 'monthly' }));
    const later = rent('bank', { clientId: 'later', postOn: '2999-01-31' });
    await ledger.accept(ScheduleTransaction, later);
    await ledger.close();

    const runs = { databases, features, runs: true };
    const services = [await startTestService(runs), await startTestService(runs)];
    const { api } = services[0]!;
    const read = async (clientId: string) =>
      (await api.get<Scheduled>(`/v1/scheduled-transactions/client:${clientId}`)).body;
    await waitFor('all to be posted', async () => (await read('m')).runs.length > 0);
    expect((await api.get('/v1/accounts/client:bank')).body).toMatchObject({ balance: '-2510.00' });
    const refused = await read('p');
    expect(refused).toMatchObject({ status: 'scheduled', runs: [{ transactionId: null }] });
    expect(refused.runs[0]!.refusal!.code).toBe('insufficient_funds');
    expect(refused.nextOn! > today()).toBe(true);
    expect(await read('later')).toMatchObject({ status: 'scheduled', runs: [] });
    const [{ actors, posted } = { actors: '', posted: 0 }] = await query<{
      actors: string;
      posted: number;
    }>(
      databases.urls.log,
      `select string_agg(distinct actor, ',') as actors, count(*) as posted
       from event_log where type = 'TransactionPosted'`,
    );
    expect([actors, Number(posted)]).toEqual(['system:schedules', 251]);
    const list = await api.get<{ data: Scheduled[] }>(
      '/v1/scheduled-transactions?accountId=client:poor&status=scheduled',
    );
    expect(list.body.data.map(({ clientId }) => clientId)).toEqual(['p']);
    const path = '/v1/scheduled-transactions/client:later';
    expect(await api.post(`${path}/cancel`)).toMatchObject({
      status: 200,
      body: { status: 'cancelled', nextOn: null, version: 2 },
    });
    expect((await api.post(`${path}/cancel`)).status).toBe(409);
  });

  it('are found some at a time, and with how many postings they have', async () => {
    const ledger = await startTestLedger();
    await openAccounts(ledger);
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push((await ledger.accept(ScheduleTransaction, rent('bank'))).id);
    }
    const found = async (limit: number) =>
      (await ledger.open.serviceState.read((db) => readDue(db, limit))).value;
    const due = ids.map((schedule_id) => ({ schedule_id, next_on: today(), postings: 2 }));
    expect(await found(9)).toEqual(due);
    expect(await found(2)).toEqual(due.slice(0, 2));
  });

  it('run once per day whoever looks at the same time, and are the same on a replay', async () => {
    const ledger = await startTestLedger();
    await openAccounts(ledger);
    const { id } = await ledger.accept(ScheduleTransaction, rent('bank', { repeat: 'daily' }));
    const input = { on: today(), scheduleIds: [id, id] };
    const looks = Array.from({ length: 5 }, () => ledger.accept(PostScheduledTransactions, input));
    expect((await Promise.all(looks)).map(({ run }) => run).sort()).toEqual([0, 0, 0, 0, 1]);
    const cancelled = await ledger.accept(CancelScheduledTransaction, { scheduleId: id });
    expect(cancelled).toMatchObject({
      status: 'cancelled',
      runs: [{ on: today(), refusal: null }],
    });
    expect(await ledger.accept(PostScheduledTransactions, input)).toEqual({ run: 0 });
    await ledger.restart();
    expect(await verifyOf(ledger.databases)).toMatchObject({ status: 'passed' });
  });
});
