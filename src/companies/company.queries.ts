import { sql, type Kysely } from 'kysely';
import { referenceOf } from '../engine/reference';
import type { Found } from '../engine/session-table';
import type { RowNeeds, StateSession } from '../engine/state-session';
import { companies, type CompanyRow } from './company.table';

/** Names a company that a creator is going to read. */
export function needCompany(needs: RowNeeds, reference: string): void {
  const found = referenceOf(reference, 'company_id');
  if (found) needs.row(companies, found.column, found.value);
}

/** The company that a reference names, in the session. */
export function findCompany(state: StateSession, reference: string): Found<CompanyRow> {
  const found = referenceOf(reference, 'company_id');
  if (!found) return undefined;
  const table = state.table(companies);
  return found.column === 'company_id'
    ? table.get(found.value)
    : table.find(found.column, found.value);
}

/** The company that a reference names, in the database. */
export async function readCompany(
  db: Kysely<unknown>,
  reference: string,
): Promise<CompanyRow | undefined> {
  const found = referenceOf(reference, 'company_id');
  if (!found) return undefined;
  const { rows } = await sql<CompanyRow>`
    select * from companies where ${sql.ref(found.column)} = ${found.value}`.execute(db);
  return rows[0];
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
