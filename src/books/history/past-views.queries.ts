import { sql, type Kysely } from 'kysely';
import { given, rowsOf } from '../../database/arrays';
import type { StateDatabase } from '../../engine/define/state-table';
import { accountsAsOf } from '../accounts/account.table';
import { accountView } from '../accounts/account.view';
import { readTransaction } from '../transactions/transaction.queries';

/** An account as it was after each of some positions; one look into each index for each. */
export async function accountsAt(
  db: Kysely<StateDatabase>,
  accountNo: number,
  positions: readonly number[],
): Promise<Map<number, object>> {
  const rows = await db
    .selectFrom(rowsOf('p', { at: given('bigint', positions) }))
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom(accountsAsOf(sql.ref<number>('p.at')).as('then'))
          .selectAll('then')
          .where('then.account_no', '=', accountNo)
          .as('a'),
      (join) => join.onTrue(),
    )
    .selectAll('a')
    .select('p.at')
    .execute();
  return new Map(rows.map(({ at, ...row }) => [at, accountView(row)]));
}

/** A transaction as it was after each of some positions: it has few events. */
export async function transactionsAt(
  db: Kysely<StateDatabase>,
  id: string,
  positions: readonly number[],
): Promise<Map<number, object>> {
  const views = new Map<number, object>();
  for (const position of positions) {
    const view = await readTransaction(db, id, position);
    if (view) views.set(position, view);
  }
  return views;
}
