import fc from 'fast-check';
import { lineOf, rowOf } from './copy-text';
import { FileRefused } from './file-refused';
import { columnsOf, FORMAT, FORMAT_VERSION, tableColumns, type FileHeader } from './log-file';
import { LogFileReader, type FilePage } from './log-file-reader';
import { LogFileWriter, PageDraft } from './log-file-writer';
import { EVENTS, FOLLOWING, type MovedTable } from './moved-tables';

const head = { position: 2, hash: 'ab'.repeat(32) };
const header: FileHeader = {
  format: FORMAT,
  version: FORMAT_VERSION,
  exportedAt: '2026-01-31T10:00:00.000Z',
  head,
  tables: tableColumns(),
  dispatched: [{ name: 'a.task', position: 2, ordinal: 0 }],
};
const rowFor = (table: MovedTable, first: string, version = FORMAT_VERSION) =>
  columnsOf(table, version).map((column, i) =>
    i === 0 ? first : column === 'lane' ? null : 'ä\\',
  );

/** A file of two pages, as small as one can be that has everything. */
function smallFile(last: FileHeader = header): Buffer {
  const writer = new LogFileWriter();
  const blocks = [writer.header(last)];
  for (let position = 1; position <= 2; position++) {
    const page = new PageDraft(position - 1, 10);
    page.upTo = position;
    for (const table of [EVENTS, ...FOLLOWING]) {
      page.add(table, rowFor(table, `${position}`, last.version));
    }
    blocks.push(writer.page(page));
  }
  const rows = Object.fromEntries([EVENTS, ...FOLLOWING].map(({ name }) => [name, 2]));
  blocks.push(writer.end({ head, rows }));
  return Buffer.concat(blocks);
}

/** Chunks of a size that divides nothing. */
async function* chunksOf(file: Buffer, size = 97): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += size) {
    yield await Promise.resolve(file.subarray(at, at + size));
  }
}

/** Reads a file to its end. @returns the pages, and what ended them early */
async function readAll(file: Buffer): Promise<{ pages: FilePage[]; error?: unknown }> {
  const reader = new LogFileReader(chunksOf(file));
  const pages: FilePage[] = [];
  try {
    await reader.header();
    for (;;) {
      const block = await reader.next();
      if (!('upTo' in block)) return { pages };
      pages.push(block);
    }
  } catch (error) {
    return { pages, error };
  }
}

describe('a file of an exported log', () => {
  it('is read as it was written', async () => {
    const { pages, error } = await readAll(smallFile());
    expect(error).toBeUndefined();
    expect(pages.map(({ after, upTo }) => [after, upTo])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    for (const table of [EVENTS, ...FOLLOWING]) {
      const [row] = pages[1]!.rows.get(table)!;
      expect(row!.fields).toEqual(rowFor(table, '2'));
    }
  });

  it('of version 1 has rows without the columns that came later', async () => {
    const old = { ...header, version: 1, tables: tableColumns(1) };
    const { pages, error } = await readAll(smallFile(old));
    expect(error).toBeUndefined();
    for (const table of [EVENTS, ...FOLLOWING]) {
      const [row] = pages[1]!.rows.get(table)!;
      const later = Object.keys(table.columns).length - columnsOf(table, 1).length;
      expect(later).toBe({ task_log: 1, task_delivery: 3 }[table.name] ?? 0);
      const fields = [...rowFor(table, '2', 1), ...Array<null>(later).fill(null)];
      expect(row).toEqual({ fields, line: lineOf(fields) });
    }
  });

  it('gives no page that is not whole, whichever bit of the file is another', async () => {
    const file = smallFile();
    const whole = (await readAll(file)).pages;
    for (let at = 0; at < file.length; at++) {
      const changed = Buffer.from(file);
      changed[at]! ^= 1 << (at % 8);
      const { pages, error } = await readAll(changed);
      expect({ at, isRefused: error instanceof FileRefused }).toEqual({ at, isRefused: true });
      expect(pages).toEqual(whole.slice(0, pages.length));
    }
  });

  it('says that it was cut off, wherever that was', async () => {
    const file = smallFile();
    for (let length = 0; length < file.length; length++) {
      const { error } = await readAll(file.subarray(0, length));
      expect({ length, message: (error as Error).message }).toEqual({
        length,
        message: expect.stringMatching(
          /^Line \d+, after the page up to position [012]: .*cut off$/,
        ) as string,
      });
    }
  });

  it.each(['more\n', '\n', '\nmore\n'])('ends with its end, without %j', async (more) => {
    const { error } = await readAll(Buffer.concat([smallFile(), Buffer.from(more)]));
    expect((error as Error).message).toContain('goes on after its end');
  });

  it('is refused where it is of another version or no export at all', async () => {
    const messageOf = async (file: Buffer) => ((await readAll(file)).error as Error).message;
    for (const version of [3, 0, 1.5, '1', null]) {
      expect(await messageOf(smallFile({ ...header, version: version as never }))).toBe(
        'Line 1, after the page up to position 0: ' +
          `the file has version ${version}, and this program reads versions 1 to 2`,
      );
    }
    const mixed = { ...header, tables: tableColumns(1) };
    expect(await messageOf(smallFile(mixed))).toContain('not those of this program');
    expect(await messageOf(Buffer.from('{"format":"other"}\n'))).toContain('this is no export');
    expect(await messageOf(Buffer.from('date,amount\n1,2\n'))).toContain('this is no export');
    const other = { ...header, tables: { ...tableColumns(), event_log: ['position'] } };
    expect(await messageOf(smallFile(other))).toContain('not those of this program');
  });
});

describe('a row of an exported log', () => {
  const field = fc.option(
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '\\N', '\\.', '\t\n\r\\', '\\t')),
  );

  it('is the same after it was a line', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1 }), (row) => {
        const line = lineOf(row);
        expect(line).not.toMatch(/[\n\r]/);
        expect(rowOf(line, row.length)).toEqual(row);
        expect(rowOf(line, row.length + 1)).toBeUndefined();
      }),
    );
  });

  it('has no escapes that PostgreSQL would read and this program would not', () => {
    for (const line of ['\\x41', '\\101', '\\b', 'a\\', '\\.'])
      expect(rowOf(line, 1)).toBeUndefined();
  });
});
