import type { Fields } from './moved-tables';

const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
};
const MEANINGS = new Map(Object.entries(ESCAPES).map(([plain, escape]) => [escape[1]!, plain]));
const NULL = '\\N';

/**
 * A row as a line of PostgreSQL's COPY text format, without the line's end.
 * https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS
 */
export function lineOf(row: Fields): string {
  return row.map((field) => (field === null ? NULL : escaped(field))).join('\t');
}

/**
 * The row of a line. Only the escapes that {@link lineOf} writes are taken: PostgreSQL knows more,
 * and what was hashed and what is stored must never be read in two ways.
 * @returns undefined where the line is no row of so many columns
 */
export function rowOf(line: string, columns: number): Fields | undefined {
  const row: (string | null)[] = [];
  for (const field of line.split('\t')) {
    if (field === NULL) row.push(null);
    else if (!field.includes('\\')) row.push(field);
    else {
      const text = unescaped(field);
      if (text === undefined) return undefined;
      row.push(text);
    }
  }
  return row.length === columns ? row : undefined;
}

function escaped(field: string): string {
  return SPECIAL.test(field) ? field.replace(/[\\\t\n\r]/g, (c) => ESCAPES[c]!) : field;
}

function unescaped(field: string): string | undefined {
  let isKnown = true;
  const text = field.replace(/\\([^]?)/g, (_, letter: string) => {
    const plain = MEANINGS.get(letter);
    if (plain === undefined) isKnown = false;
    return plain ?? '';
  });
  return isKnown ? text : undefined;
}
