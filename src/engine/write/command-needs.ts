import { allDone } from '../../database/sqlstates';
import type { Command } from '../define/creator';
import type { BookTime, LoadedRows, RowNeeds } from '../define/state-session';
import type { Key, KeyedTable } from '../define/state-table';
import type { BufferedSession } from '../session/buffered-session';
import { WantedRows } from '../session/wanted-rows';
import type { CommandKeys, WantedKey } from './command-keys';
import { scopedKey } from './command-log';

/** So many rows are loaded before it is looked how much memory they take. */
const ROWS_AT_ONCE = 1_000;
/** So often rows may be known of from those that were loaded before; then they come one by one. */
const MAX_ROUNDS = 4;

/**
 * Loads what commands say that they will read: one query a table and column, sent together, then
 * again for the rows that they know of only from those.
 * @param mostBytes where a batch has loaded more than that, the commands behind have to wait
 * @returns for how many of the commands; one at least
 */
export async function loadNeeds(
  commands: readonly Command[],
  session: BufferedSession,
  keys: CommandKeys,
  time: BookTime,
  mostBytes: number,
): Promise<number> {
  let count = 0;
  do count += await loadSome(commands.slice(count), session, keys, time);
  while (count < commands.length && session.loadedBytes <= mostBytes);
  return count;
}

async function loadSome(
  commands: readonly Command[],
  session: BufferedSession,
  keys: CommandKeys,
  time: BookTime,
): Promise<number> {
  const named = new CommandNeeds(session, keys);
  let count = 0;
  while (count < commands.length && named.rowCount < ROWS_AT_ONCE) named.add(commands[count++]!);
  await named.load();
  const some = commands.slice(0, count);
  const loaded = loadedRowsOf(session, time);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const more = new WantedRows(session);
    for (const { creator, input } of some) creator.needsThen?.(input, loaded, more);
    if (more.isEmpty) break;
    await more.load();
  }
  return count;
}

/** What the commands of a batch name before anything is loaded. */
class CommandNeeds implements RowNeeds {
  private readonly rows: WantedRows;
  private readonly wantedKeys: WantedKey[] = [];
  private actor = '';

  constructor(
    session: BufferedSession,
    private readonly keys: CommandKeys,
  ) {
    this.rows = new WantedRows(session);
  }

  /** Rows that are to be loaded. */
  get rowCount(): number {
    return this.rows.count;
  }

  add({ actor, idempotencyKey, creator, input }: Command): void {
    this.actor = actor;
    if (idempotencyKey !== undefined) this.idempotencyKey(idempotencyKey);
    creator.needs?.(input, this);
  }

  row<Row extends object>(table: KeyedTable<Row>, column: keyof Row & string, value: Key): boolean {
    return this.rows.row(table, column, value);
  }

  idempotencyKey(idempotencyKey: string): void {
    const { actor } = this;
    if (this.keys.get(scopedKey(actor, idempotencyKey))) return;
    this.wantedKeys.push({ actor, idempotencyKey });
  }

  /** All are waited for, also where one fails: a late row must not come into a later batch. */
  async load(): Promise<void> {
    const loads = [this.rows.load()];
    if (this.wantedKeys.length > 0) loads.push(this.keys.lookUp(this.wantedKeys));
    await allDone(loads);
  }
}

function loadedRowsOf(session: BufferedSession, time: BookTime): LoadedRows {
  return { time, row: (table, column, value) => session.table(table).known(column, value) };
}
