import { sql, type Kysely } from 'kysely';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { companies, type CompanyRow } from './company.table';

/** Names a company that a creator is going to read. */
export function needCompany(needs: RowNeeds, reference: string): void {
  needReferenced(needs, companies, reference);
}

/** The company that a reference names, in the session. */
export function findCompany(state: StateSession, reference: string): Found<CompanyRow> {
  return findReferenced(state, companies, reference);
}

/** The company that a reference names, in the database. */
export function readCompany(
  db: Kysely<unknown>,
  reference: string,
): Promise<CompanyRow | undefined> {
  return readReferenced(db, companies, reference);
}

export interface CompanyFilter {
  readonly clientId?: string | undefined;
}

/** Companies in the order in which they were created, after a company number. */
export async function listCompanies(
  db: Kysely<unknown>,
  { clientId }: CompanyFilter,
  after: number,
  limit: number,
): Promise<CompanyRow[]> {
  const conditions = [sql<boolean>`company_no > ${after}`];
  if (clientId !== undefined) conditions.push(sql`client_id = ${clientId}`);
  const { rows } = await sql<CompanyRow>`
    select * from companies where ${sql.join(conditions, sql` and `)}
    order by company_no limit ${limit}`.execute(db);
  return rows;
}
