import { Refusal } from '../../engine/define/refusal';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import { transactionSources } from './source.table';

/** A fact that a transaction is part of: an accrual, the settlement of an order. */
export interface SourceFact {
  /** What kind of fact it is, as views show it: `interest_accrual`. */
  readonly type: string;
  readonly id: string;
  /** The request that undoes all of it: `POST /v1/interest-accruals/<id>/reverse`. */
  readonly undoneBy: string;
}

/** Names what {@link rememberSource} and {@link refuseSourced} are going to read. */
export function needSource(needs: Pick<RowNeeds, 'row'>, transactionId: string): void {
  needs.row(transactionSources, 'transaction_id', transactionId);
}

/**
 * Says in a materializer that a transaction is part of a fact, so that nobody can reverse it alone;
 * its needs have to name it. The first fact that does so holds: several events may be one fact.
 * @param position of the event that says so
 */
export function rememberSource(
  state: StateSession,
  transactionId: string,
  fact: SourceFact,
  position: number,
): void {
  if (state.table(transactionSources).loaded(transactionId)) return;
  rememberOnlySource(state, transactionId, fact, position);
}

/** The same of a transaction that no other event names: nothing need be loaded for that. */
export function rememberOnlySource(
  state: StateSession,
  transactionId: string,
  { type, id, undoneBy }: SourceFact,
  position: number,
): void {
  state.table(transactionSources).insert({
    transaction_id: transactionId,
    position,
    source_type: type,
    source_id: id,
    undone_by: undoneBy,
  });
}

/** @throws Refusal `has_source` where the transaction is part of a fact, naming what undoes it */
export async function refuseSourced(state: StateSession, transactionId: string): Promise<void> {
  const source = await state.table(transactionSources).get(transactionId);
  if (!source) return;
  const { source_type: type, source_id: id, undone_by: way } = source;
  throw new Refusal(
    'has_source',
    `Transaction ${transactionId} is part of ${type} ${id}: undo all of that with ${way}`,
  );
}
