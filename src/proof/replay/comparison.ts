import type { KeyedTable } from '../../engine/define/state-table';
import type { Sample, TableReport } from './report';
import { rowDifferences, type RowDifference } from './row-differences';
import { digestOf, type Digest, type Side, type PositionSpan } from './table-digest';
import type { TableShape } from './table-shape';

/** Differing rows that a report shows, by table. */
const MAX_SAMPLES = 10;
/** Rows by table whose history is looked at once more. */
const MAX_SUSPECTS = 100;

/**
 * A row whose first diverging position its two versions do not tell: it was written more than once
 * since the live state was right.
 */
export interface Suspect {
  readonly table: KeyedTable<never>;
  /** The key's value, as PostgreSQL writes it. */
  readonly key: string;
  /** Writes of later events are in question. */
  readonly after: number;
  /** The last write, which is where they part if no earlier one is. */
  readonly upTo: number;
}

/** What came of comparing a table. */
export interface TableComparison {
  readonly report: TableReport;
  readonly suspects: readonly Suspect[];
}

/** What the caller of a comparison has done already, or wants to do first. */
export interface ComparisonHints {
  /** The digest of the live table, where it was asked for before. */
  readonly ofLive?: Promise<Digest> | undefined;
  /** Awaited where the digests differ, before rows are read. */
  readonly beforeRows?: () => Promise<void>;
}

/**
 * Compares a table of the live state with the rebuilt one: by digest, and row by row where the
 * digests differ. Both sides are read at the same time.
 */
export async function compareTable(
  live: Side,
  rebuilt: Side,
  shape: TableShape,
  span: PositionSpan,
  seed: string,
  hints: ComparisonHints = {},
): Promise<TableComparison> {
  const [ofLive, ofRebuilt] = await Promise.all([
    hints.ofLive ?? digestOf(live, shape, span, seed),
    digestOf(rebuilt, shape, span, seed),
  ]);
  const found = new Differences(shape);
  if (ofLive.rows !== ofRebuilt.rows || ofLive.sum !== ofRebuilt.sum) {
    await hints.beforeRows?.();
    for await (const difference of rowDifferences(live, rebuilt, shape, span, seed)) {
      found.add(difference);
    }
  }
  return found.result(ofLive.rows, ofRebuilt.rows);
}

/** What two comparisons of the same table found in different spans. */
export function joined(a: TableComparison, b: TableComparison): TableComparison {
  const [x, y] = [a.report, b.report];
  const positions = [x.firstDivergingPosition, y.firstDivergingPosition].filter((p) => p !== null);
  return {
    report: {
      table: x.table,
      liveRows: x.liveRows + y.liveRows,
      rebuiltRows: x.rebuiltRows + y.rebuiltRows,
      missing: x.missing + y.missing,
      extra: x.extra + y.extra,
      changed: x.changed + y.changed,
      firstDivergingPosition: positions.length > 0 ? Math.min(...positions) : null,
      samples: [...x.samples, ...y.samples].slice(0, MAX_SAMPLES),
    },
    suspects: [...a.suspects, ...b.suspects],
  };
}

/** Whether a table is not what history says. */
export function differs({ missing, extra, changed }: TableReport): boolean {
  return missing + extra + changed > 0;
}

class Differences {
  private readonly counts = { missing: 0, extra: 0, changed: 0 };
  private first = Infinity;
  private readonly shown: { readonly position: number; readonly difference: RowDifference }[] = [];
  private readonly suspects: Suspect[] = [];

  constructor(private readonly shape: TableShape) {}

  add(difference: RowDifference): void {
    const { live, rebuilt } = difference;
    this.counts[live === undefined ? 'missing' : rebuilt === undefined ? 'extra' : 'changed']++;
    const position = this.suspect(difference) ?? positionOf(difference);
    this.first = Math.min(this.first, position);
    insertInOrder(this.shown, { position, difference }, (a) => a.position, MAX_SAMPLES);
  }

  /**
   * Remembers a row that was perhaps written again after the event at which the two part.
   * @returns the position after which that can be, and undefined for other rows
   */
  private suspect({ live, rebuilt }: RowDifference): number | undefined {
    const { table, columns, key } = this.shape;
    if (table.kind !== 'keyed' || rebuilt === undefined) return undefined;
    const after = live?.position ?? 0;
    if (after >= rebuilt.position) return undefined;
    const value = rebuilt.values[columns.indexOf(key[0]!)]!;
    const suspect = { table, key: value, after, upTo: rebuilt.position };
    insertInOrder(this.suspects, suspect, (s) => s.after, MAX_SUSPECTS);
    return rebuilt.position;
  }

  result(liveRows: number, rebuiltRows: number): TableComparison {
    const { name: table, columns } = this.shape;
    return {
      report: {
        table,
        liveRows,
        rebuiltRows,
        ...this.counts,
        firstDivergingPosition: this.first === Infinity ? null : this.first,
        samples: this.shown.flatMap(({ difference }) => samplesOf(difference, columns)),
      },
      suspects: this.suspects,
    };
  }
}

/**
 * After which event a row is not what it should be, as far as its two versions tell: the event
 * that last wrote the row that should be there, or the one that wrote a row that should not.
 */
function positionOf({ live, rebuilt }: RowDifference): number {
  return Math.max(live?.position ?? 0, rebuilt?.position ?? 0);
}

function samplesOf({ live, rebuilt }: RowDifference, columns: readonly string[]): Sample[] {
  const key = (live ?? rebuilt)!.key;
  const asJson = (values: readonly (string | null)[]) =>
    JSON.stringify(Object.fromEntries(columns.map((column, i) => [column, values[i]])));
  if (live === undefined || rebuilt === undefined) {
    return [
      {
        key,
        column: null,
        live: live ? asJson(live.values) : null,
        rebuilt: rebuilt ? asJson(rebuilt.values) : null,
      },
    ];
  }
  return columns.flatMap((column, i) => {
    const [a, b] = [live.values[i] ?? null, rebuilt.values[i] ?? null];
    return a === b ? [] : [{ key, column, live: a, rebuilt: b }];
  });
}

/** Keeps the `limit` smallest items in order. */
function insertInOrder<T>(items: T[], item: T, by: (item: T) => number, limit: number): void {
  const at = items.findIndex((other) => by(other) > by(item));
  if (at === -1 && items.length >= limit) return;
  items.splice(at === -1 ? items.length : at, 0, item);
  if (items.length > limit) items.pop();
}
