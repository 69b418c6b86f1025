import { sql, type Kysely } from 'kysely';

/**
 * Transactions by effective date, then position: a journal is read in that order page by page, each
 * page a look into this index, and without a snapshot that would hold vacuum back for as long as
 * its reader takes.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index transactions_effective_date
    on state.transactions (effective_date, position)`.execute(db);
}
