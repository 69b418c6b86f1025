import { beyond, type Order } from '../../engine/session/page-rows';
import type { Kysely } from 'kysely';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { companies, type CompanyRow, type CompanyTables } from './company.table';

/** Names a company that a creator is going to read. */
export function needCompany(needs: Pick<RowNeeds, 'row'>, reference: string): void {
  needReferenced(needs, companies, reference);
}

/** The company that a reference names, in the session. */
export function findCompany(state: StateSession, reference: string): Found<CompanyRow> {
  return findReferenced(state, companies, reference);
}

/** The company that a reference names, in the database. */
export const readCompany = readReferenced(companies);

export interface CompanyFilter {
  readonly clientId?: string | undefined;
}

/** Companies in the order in which they were created, after a company number. */
export async function listCompanies(
  db: Kysely<CompanyTables>,
  { clientId }: CompanyFilter,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<CompanyRow[]> {
  let query = db.selectFrom('companies').selectAll().where('company_no', beyond(order), after);
  if (clientId !== undefined) query = query.where('client_id', '=', clientId);
  return query.orderBy('company_no', order).limit(limit).execute();
}
