import type { PostgresType } from '../../database/column';
import type { KeyedTable } from '../define/state-table';

/** A row with its key, slot and entries of indexes, its columns of a fixed length among them. */
const ROW_BYTES = 400;
/** What any value takes besides its content. */
const VALUE_BYTES = 16;
/** The types whose values may be of any length. */
const WEIGHED: readonly PostgresType[] = ['text', 'json', 'jsonb', 'bytea', 'bigint[]'];

/** What the rows of a table take of memory: an estimate by their columns of any length. */
export class RowWeights<Row extends object> {
  private readonly columns: readonly string[];
  private readonly weighed: ReadonlySet<string>;
  /** Whether the weight of a row can change while it is there. */
  readonly change: boolean;

  constructor({ columns, derived, mutable }: KeyedTable<Row>) {
    const all = Object.entries({ ...columns, ...derived });
    this.columns = all.filter(([, { type }]) => WEIGHED.includes(type)).map(([name]) => name);
    this.weighed = new Set(this.columns);
    const isWritten = (column: string) => column in columns;
    this.change = this.columns.some(
      (column) => !isWritten(column) || (mutable as readonly string[]).includes(column),
    );
  }

  /** Whether the weight may be another one with these values: seldom, of what is posted to. */
  changeWith(values: Partial<Row>): boolean {
    if (!this.change) return false;
    for (const column in values) if (this.weighed.has(column)) return true;
    return false;
  }

  of(row: Row): number {
    let bytes = ROW_BYTES;
    for (const column of this.columns) bytes += weightOf(row[column as keyof Row]);
    return bytes;
  }
}

/**
 * About how many bytes of memory a value takes. Characters have two where one of a text needs them,
 * and else one: here all have two.
 */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + 2 * value.length;
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  if (ArrayBuffer.isView(value)) return VALUE_BYTES + value.byteLength;
  let bytes = VALUE_BYTES;
  if (Array.isArray(value)) {
    for (const element of value) bytes += weightOf(element);
    return bytes;
  }
  for (const key in value) bytes += weightOf(key) + weightOf(value[key as keyof typeof value]);
  return bytes;
}
