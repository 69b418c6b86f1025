import { sql, type Kysely } from 'kysely';
import { listStatements, type StatementPlace } from '../../../src/books/reports/statement.queries';
import type { StateDatabase } from '../../../src/engine/define/state-table';
import { rounds } from '../../harness/rounds';
import { startTestService } from '../../harness/service';

const DAYS = rounds(20, 60);
const POSTINGS = 99;
const PAGE = 100;

/** How many rows of the entries a transaction has read so far. */
async function rowsRead(db: Kysely<StateDatabase>): Promise<number> {
  const { rows } = await sql<{ read: number }>`
    select (idx_tup_fetch + seq_tup_read)::int as read
    from pg_stat_xact_user_tables where relid = 'entries'::regclass`.execute(db);
  return rows[0]!.read;
}

describe('the statement of an account that was imported newest first', () => {
  it('reads on all pages but two about as many entries as the page has', async () => {
    const { api, open } = await startTestService();
    for (const clientId of ['bank', 'other']) {
      const account = { clientId, name: clientId, type: 'equity', currency: 'USD' };
      await api.post('/v1/accounts', account);
    }
    const credits = Array.from({ length: POSTINGS }, () => {
      return { accountId: 'client:bank', direction: 'credit', amount: '0.01' };
    });
    const debit = { accountId: 'client:other', direction: 'debit', amount: '0.99' };
    for (let day = DAYS; day > 0; day--) {
      const effectiveDate = new Date(Date.UTC(2025, 0, day)).toISOString().slice(0, 10);
      const body = { description: 'x', effectiveDate, postings: [...credits, debit] };
      expect((await api.post('/v1/transactions', body)).status).toBe(201);
    }
    const { value: pages } = await open.stateReader.read(async (db) => {
      const account = await db
        .selectFrom('accounts')
        .select('account_no')
        .where('client_id', '=', 'bank')
        .executeTakeFirstOrThrow();
      const all = { from: undefined, to: undefined, position: undefined };
      const found: { read: number; rows: number }[] = [];
      let after: StatementPlace | undefined;
      for (;;) {
        const before = await rowsRead(db);
        const page = await listStatements(db, [account.account_no], all, after, PAGE);
        const read = (await rowsRead(db)) - before;
        found.push({ read, rows: page.rows.length });
        if (!page.hasMore) return found;
        const last = page.rows.at(-1)!;
        const { effective_date: date, position, ordinal, is_late: isLate } = last;
        after = { date, position, ordinal, isLate };
      }
    });
    expect(pages.reduce((sum, { rows }) => sum + rows, 0)).toBe(DAYS * POSTINGS);
    // The page with what came in order looks behind all that came late for more of it.
    const dear = pages.filter(({ read }) => read > 4 * PAGE);
    expect(dear.length).toBeLessThanOrEqual(2);
  });
});
