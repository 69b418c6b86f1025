import type { StreamableFile } from '@nestjs/common';
import { stringify } from 'csv-stringify/sync';
import { textAnswer } from './text-answer';

/** A number as text: what a spreadsheet may take for one, where other text gets an apostrophe. */
export class CsvNumber {
  constructor(readonly text: string) {}
}

export type CsvCell = string | CsvNumber | null;

const OPTIONS = {
  record_delimiter: '\r\n',
  escape_formulas: true,
  cast: {
    object: (cell: object) => ({ value: (cell as CsvNumber).text, escape_formulas: false }),
  },
} as const;

/**
 * Rows as RFC 4180 has them. A spreadsheet would run what begins with `=`, `+`, `-`, `@`, a tab or
 * a carriage return: such text gets an apostrophe in front.
 */
export function csvOf(rows: readonly (readonly CsvCell[])[]): string {
  return stringify(rows as CsvCell[][], OPTIONS);
}

/** An answer of CSV that is made page by page: see {@link textAnswer}. */
export function csvAnswer(
  name: string,
  header: readonly string[],
  pages: AsyncGenerator<readonly (readonly CsvCell[])[]>,
): Promise<StreamableFile> {
  const texts = async function* () {
    let before = csvOf([header]);
    for await (const rows of pages) {
      yield before + (rows.length > 0 ? csvOf(rows) : '');
      before = '';
    }
    yield before;
  };
  return textAnswer(`${name}.csv`, 'text/csv', texts());
}

/** Rows that are written at a time. */
const PAGE_ROWS = 500;

/** Rows that are in memory, by pages, so that their text is not. */
export async function* pagesOf(
  rows: Iterable<readonly CsvCell[]>,
): AsyncGenerator<readonly (readonly CsvCell[])[]> {
  let page: (readonly CsvCell[])[] = [];
  for (const row of rows) {
    page.push(row);
    if (page.length < PAGE_ROWS) continue;
    // Others get their turn.
    await new Promise(setImmediate);
    yield page;
    page = [];
  }
  yield page;
}
