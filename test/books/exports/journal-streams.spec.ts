import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { StateReader } from '../../../src/engine/session/state-reader';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { rounds } from '../../harness/rounds';
import { startTestService, type TestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { replayOf } from '../../proof/replay/some-books';
import { exported } from './exported-journal';

const BATCHES = rounds(10, 30);
const BATCH = 100;
/** 25 KB, so that a page of 4 MiB has some 160 transactions. */
const METADATA = Object.fromEntries(
  Array.from({ length: 50 }, (_, i) => [`key-${i}`, 'x'.repeat(500)]),
);
/** Of transactions, and a few for what stands before them. */
const PAGES = Math.ceil((BATCHES * BATCH) / 165) + 3;
const LAST_LINE = /\n; End of the journal: (\d+) transactions, as known at position (\d+)\n$/;

describe('a long journal', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    for (const clientId of ['busy', 'other']) {
      const account = { clientId, name: clientId, type: 'equity', currency: 'USD' };
      expect((await service.api.post('/v1/accounts', account)).status).toBe(201);
    }
    for (let i = 0; i < BATCHES; i++) await post(BATCH);
  });

  async function post(count: number): Promise<void> {
    const postings = [
      { accountId: 'client:busy', direction: 'credit', amount: '0.01' },
      { accountId: 'client:other', direction: 'debit', amount: '0.01' },
    ];
    const transaction = { description: 'x', metadata: METADATA, postings };
    const transactions = Array.from({ length: count }, () => transaction);
    const batch = { mode: 'atomic', transactions };
    expect((await service.api.post('/v1/transactions/batch', batch)).status).toBe(200);
  }

  /** The beginning of an answer of which nothing is read. */
  async function begun(): Promise<IncomingMessage> {
    const headers = service.api.authorization;
    const request = httpGet(`${service.url}/v1/exports/journal?format=ledger`, { headers });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    return answer;
  }

  /** How many reads there were, once there are no more of them. */
  async function settled(reads: { mock: { calls: unknown[] } }): Promise<number> {
    let [before, since] = [-1, 0];
    await waitFor('the reading to stop', () => {
      const now = reads.mock.calls.length;
      if (now !== before) [before, since] = [now, performance.now()];
      return now > 0 && performance.now() - since > 1_000;
    });
    return before;
  }

  it('is read as its reader takes it, at one position, and not when he has gone', async () => {
    const reads = jest.spyOn(service.get(StateReader), 'read');
    const answer = await begun();
    expect(await settled(reads)).toBeLessThan(PAGES * 0.7);
    // Others are not kept waiting by who reads slowly, and what they post is not on it.
    expect((await service.api.get('/v1/reports/trial-balance')).status).toBe(200);
    await post(1);
    let text = '';
    answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await once(answer, 'end');
    const position = answer.headers['ledger-position'];
    expect(LAST_LINE.exec(text)?.slice(1)).toEqual([String(BATCHES * BATCH), position]);
    expect(reads.mock.calls.length).toBeGreaterThanOrEqual(PAGES - 3);

    reads.mockClear();
    const left = await begun();
    left.destroy();
    expect(await settled(reads)).toBeLessThan(PAGES * 0.7);
    const open = `select count(*)::int as open from pg_stat_activity
      where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()`;
    await waitFor('all reads to end', async () => {
      const [found] = await query<{ open: number }>(service.urls.state, open);
      return found!.open === 0;
    });
  });

  it('is not made for who asks for its head alone', async () => {
    const reads = jest.spyOn(service.get(StateReader), 'read');
    reads.mockClear();
    const head = await fetch(`${service.url}/v1/exports/journal?format=csv`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${service.key}` },
    });
    expect([head.status, head.headers.get('content-type')]).toEqual([
      200,
      'text/csv; charset=utf-8',
    ]);
    expect(head.headers.get('ledger-position')).not.toBeNull();
    expect(await settled(reads)).toBeLessThan(PAGES * 0.7);
  });

  it('breaks off where the books are rebuilt, and has the same bytes afterwards', async () => {
    const before = await exported(service, 'format=ledger');
    expect(before.text).toMatch(LAST_LINE);
    const answer = await begun();
    const { status } = await replayOf(service.databases);
    expect(status).toBe('swapped');
    let text = '';
    answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await expect(once(answer, 'end')).rejects.toThrow('aborted');
    expect(before.text.startsWith(text)).toBe(true);
    expect(text).not.toMatch(LAST_LINE);
    const position = before.headers.get('ledger-position');
    await post(1);
    const after = await exported(service, `format=ledger&atPosition=${position}`);
    expect(after.text === before.text).toBe(true);
  });
});
