import { isDeepStrictEqual } from 'node:util';
import type { LedgerEvent } from '../../engine/define/event';
import { typeOf } from '../../engine/define/state-table';
import type { BufferedSession } from '../../engine/session/buffered-session';
import type { Suspect } from './comparison';
import type { Rebuild } from './rebuild';

interface Watched extends Suspect {
  /** The stored columns as the last event left them. */
  row: readonly unknown[] | undefined;
  /** The first event in question that wrote the row. */
  found: number | undefined;
}

/**
 * Replays once more, up to where it is known that the two have parted, and watches rows that were
 * written several times: the first write that the live state does not have is where they part.
 * @returns by table the first such position
 */
export async function firstDivergences(
  rebuild: Rebuild,
  suspects: readonly Suspect[],
): Promise<Map<string, number>> {
  const watched = suspects.map((suspect): Watched => ({
    ...suspect,
    row: undefined,
    found: undefined,
  }));
  const last = Math.max(...suspects.map((suspect) => suspect.upTo));
  const afterEvent = (session: BufferedSession, { position }: LedgerEvent) => {
    for (const one of watched) if (one.found === undefined) look(one, session, position);
  };
  const again = await rebuild.openAnother({ onProgress: undefined });
  try {
    await again.to({ position: last, hash: '' }, { afterEvent });
  } finally {
    again.close();
  }
  const first = new Map<string, number>();
  for (const { table, found, upTo } of watched) {
    const position = Math.min(found ?? upTo, first.get(table.name) ?? Infinity);
    first.set(table.name, position);
  }
  return first;
}

function look(one: Watched, session: BufferedSession, position: number): void {
  const { table } = one;
  const isNumber = ['bigint', 'int'].includes(typeOf(table, table.key));
  const row = session.table(table).peek(isNumber ? Number(one.key) : one.key) as
    Record<string, unknown> | undefined;
  // A row that is not in memory was not written by this event.
  if (row === undefined) return;
  const stored = Object.keys(table.columns).map((column) => row[column]);
  // Loading a row again makes another object of it, with the same contents.
  if (one.row !== undefined && isDeepStrictEqual(stored, one.row)) return;
  one.row = stored;
  if (position > one.after) one.found = position;
}
