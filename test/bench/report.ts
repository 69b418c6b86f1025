/** One line of the benchmark report. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly note?: string;
}

export interface Report {
  readonly conditions: Record<string, string | number>;
  readonly results: readonly Result[];
}

/** Collects results under their names. */
export class Results {
  readonly list: Result[] = [];

  add(name: string, value: number, unit: string, note?: string): void {
    const digits = value < 100 ? 1 : 0;
    const rounded = Number(value.toFixed(digits));
    this.list.push({ name, value: rounded, unit, ...(note !== undefined && { note }) });
  }

  /** What was measured under a name; undefined where nothing was. */
  valueOf(name: string): number | undefined {
    return this.list.find((result) => result.name === name)?.value;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('No values have no median');
  return middle;
}

/** The report for people: the conditions, then one table. */
export function formatReport({ conditions, results }: Report): string {
  const conditionLines = Object.entries(conditions).map(([name, value]) => `${name}: ${value}`);
  const rows = results.map(({ name, value, unit, note = '' }) => [
    name,
    value.toLocaleString('en'),
    unit,
    note,
  ]);
  const table = [['measured', 'value', 'unit', 'note'], ...rows];
  const widths = [0, 1, 2].map((i) => Math.max(...table.map((row) => row[i]!.length)));
  const lines = table.map(([name, value, unit, note]) => {
    const cells = [name!.padEnd(widths[0]!), value!.padStart(widths[1]!), unit!.padEnd(widths[2]!)];
    return `${cells.join('  ')}  ${note}`.trimEnd();
  });
  return [...conditionLines, '', ...lines].join('\n');
}
