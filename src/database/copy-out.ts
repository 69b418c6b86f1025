import { Query } from 'pg';

/** What pg's own Query does and its published types leave out. */
interface CopyData {
  readonly chunk: Buffer;
}

/**
 * `COPY … TO STDOUT`, each row handed over as one text: fields separated by tabs, as the server
 * wrote them. Reading a row takes a third of what pg's own result takes, which receives every field
 * for itself, and the server's time is less too.
 * A subclass of pg's Query because a pipelining client takes no other.
 */
export class CopyOut extends Query {
  constructor(
    statement: string,
    private readonly onRow: (row: string) => void,
    callback: (error: Error | null) => void,
  ) {
    // pg reads `callback` from the config; the published types know the rest only.
    super({ text: statement, callback } as never);
  }

  /** The server sends one message a row, with a line feed at its end. */
  handleCopyData({ chunk }: CopyData): void {
    this.onRow(chunk.toString('utf8', 0, chunk.length - 1));
  }
}

/** A field of a row of {@link CopyOut} as it is stored. */
export function copiedText(field: string): string | null {
  if (!field.includes('\\')) return field;
  return field === '\\N' ? null : field.replace(/\\(.)/g, (_, letter: string) => unescaped(letter));
}

const CONTROLS: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unescaped(letter: string): string {
  return CONTROLS[letter] ?? letter;
}
