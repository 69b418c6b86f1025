import { sql, type Kysely } from 'kysely';

/** Finds the few accounts that a range of events closed; open ones are not in it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index accounts_closed_position on state.accounts (closed_position)
    where closed_position is not null`.execute(db);
}
