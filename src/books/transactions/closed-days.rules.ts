import assert from 'node:assert';
import { Refusal } from '../../engine/define/refusal';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import { closedDays, lateTransactions, type ClosedDaysRow } from './closed-days.table';

/** The key of the only row. */
const ONLY = 1;

/** What transactions are part of that carry income and expense to equity, or take that back. */
export const CLOSING_SOURCE = 'period_close';

/** Names what every function here reads. */
export function needClosedDays(needs: Pick<RowNeeds, 'row'>): void {
  needs.row(closedDays, 'id', ONLY);
}

/** The last period that is closed, and its last day. */
export interface ClosedThrough {
  readonly closeId: string;
  readonly through: string;
}

/** Undefined where no day is closed. */
export async function closedThrough(state: StateSession): Promise<ClosedThrough | undefined> {
  return throughOf(await state.table(closedDays).get(ONLY));
}

/** The same in a materializer; its needs have to name the row. */
export function loadedClosedThrough(state: StateSession): ClosedThrough | undefined {
  return throughOf(state.table(closedDays).loaded(ONLY));
}

function throughOf(row: ClosedDaysRow | undefined): ClosedThrough | undefined {
  if (!row || row.close_id === null) return undefined;
  return { closeId: row.close_id, through: row.through_date! };
}

/**
 * Refuses what would take effect in a period that is closed. The row is in memory nearly always,
 * and then nobody waits.
 * @param field where the request says the day
 * @throws Refusal `period_closed`
 */
export function refuseClosed(
  state: StateSession,
  day: string,
  field: string,
): void | Promise<void> {
  const row = state.table(closedDays).get(ONLY);
  if (row instanceof Promise) return row.then((found) => refuseUntil(found, day, field));
  refuseUntil(row, day, field);
}

function refuseUntil(row: ClosedDaysRow | undefined, day: string, field: string): void {
  if (!row || row.through_date === null || day > row.through_date) return;
  const message = `is ${day}, in a period that is closed through ${row.through_date}`;
  throw new Refusal('period_closed', `${field} ${message} by period close ${row.close_id}`, {
    errors: [{ pointer: `/${field}`, message }],
  });
}

/**
 * Closes days in a materializer, or opens those of the last period again; its needs have to name
 * the row.
 * @param last the last period that is closed from now on; undefined where none is
 */
export function closeDays(
  state: StateSession,
  last: ClosedThrough | undefined,
  position: number,
): void {
  const table = state.table(closedDays);
  const before = table.loaded(ONLY);
  const through = last?.through ?? null;
  const ever = before?.ever_closed_date ?? '';
  const row = {
    id: ONLY,
    position,
    close_id: last?.closeId ?? null,
    through_date: through,
    ever_closed_date: through !== null && through > ever ? through : ever,
  };
  if (before) table.update(row);
  else table.insert(row);
}

/** Remembers in a materializer what is posted on a day that was closed once, and is not now. */
export function noteLate(state: StateSession, day: string, position: number): void {
  const row = state.table(closedDays).loaded(ONLY);
  if (!row || day > row.ever_closed_date) return;
  const { close_id: closeId, through_date: through } = row;
  const isOpen = through === null || day > through;
  assert(isOpen, `${day} is in a period that is closed through ${through} by ${closeId}`);
  state.append(lateTransactions, { position, effective_date: day });
}
