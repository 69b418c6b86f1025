import { parse, type CsvError, type Info } from 'csv-parse';
import { hash } from 'node:crypto';
import { Readable, pipeline } from 'node:stream';
import { isClientId } from '../../engine/define/reference';
import { canonicalJson } from '../../engine/write/hash-chain';
import { hasAmountSize, SIGNED_AMOUNT_PATTERN } from '../../money/amount';
import { FIRST_EFFECTIVE_DATE, isCalendarDate } from '../../money/calendar-date';
import { checkColumns, OWN_COLUMNS, VALUE_LENGTH } from './columns';
import { decodedText } from './decoded-text';
import { ImportError, type CounterAccount, type ImportPlan } from './import-plan';
import { errorMessage } from '../../database/errors';

/** One transaction of the file, checked as far as the file alone allows. */
export interface ImportRow {
  /** The line in the file where the row ends, from 1. */
  readonly line: number;
  /** Same for the same row, under whatever name and in whatever order of columns it comes again. */
  readonly key: string;
  /** Of the transaction; undefined: the row has no id. */
  readonly clientId: string | undefined;
  readonly date: string;
  /** Client id of the row's account. */
  readonly account: string;
  readonly counter: CounterAccount;
  /** Decimal string without sign. */
  readonly amount: string;
  /** What happens to the row's account. */
  readonly direction: 'debit' | 'credit';
  readonly description: string;
  /** The row's kind and every further column that is not empty. */
  readonly metadata: Record<string, string>;
}

/** A row that becomes no transaction, and why. */
export interface RefusedRow {
  readonly line: number;
  readonly reason: string;
}

/** A row of which the file itself says that it is not booked, by its status. */
export interface UnbookedRow {
  readonly line: number;
  readonly status: string;
}

const KIND = 'kind';
/** A longer record is a quote that was never closed. */
const MAX_RECORD_BYTES = 1_000_000;
const DESCRIPTION_LENGTH = 500;
const DEFAULT_DESCRIPTION = 'Imported transaction';
/** Rows without an id whose contents are told apart: about 100 bytes each. */
const MAX_WITHOUT_ID = 2_000_000;
/** What is wrong with the file and not with one row: rows behind it may be inside a field. */
const FATAL = new Set(['CSV_QUOTE_NOT_CLOSED', 'CSV_MAX_RECORD_SIZE']);

/** A row as the file has it. */
interface Fields {
  readonly line: number;
  readonly value: (column: string) => string;
  /** By name, those that are empty left out. */
  readonly further: Record<string, string>;
}

/**
 * Reads a CSV file (RFC 4180, first line the columns' names) row by row; memory grows with the rows
 * that have no id alone.
 * @throws ImportError where the file cannot be read, its columns do not fit the plan, or a quote is
 *   left open
 */
export async function* readRows(
  file: string,
  plan: ImportPlan,
): AsyncGenerator<ImportRow | RefusedRow | UnbookedRow> {
  const reader = new RowReader(plan);
  let columns: readonly string[] | undefined;
  for await (const item of records(file, plan.encoding)) {
    if ('reason' in item) yield item;
    else if (columns === undefined) columns = checkColumns(item.record, file, plan);
    else yield checkWhole(file, item.record, reader.read(item, columns));
  }
  if (columns === undefined) throw new ImportError(`${file} is empty`);
}

/** A file that can be understood, as a whole, by a plan. */
export interface CheckedFile {
  readonly file: string;
  readonly plan: ImportPlan;
  /** For showing how far it is imported. */
  readonly lines: number;
}

/**
 * Reads a file to its end, before a ledger is opened for it.
 * @throws ImportError as {@link readRows}
 */
export async function checkFile(file: string, plan: ImportPlan): Promise<CheckedFile> {
  let lines = 0;
  for await (const { line } of readRows(file, plan)) lines = line;
  return { file, plan, lines };
}

type CsvRecord = { readonly record: string[]; readonly line: number };

async function* records(file: string, encoding: string): AsyncGenerator<CsvRecord | RefusedRow> {
  const skipped: CsvError[] = [];
  const parser = parse({
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: MAX_RECORD_BYTES,
    skip_records_with_error: true,
    on_skip: (error) => void (error && skipped.push(error)),
  });
  const refused = () => skipped.splice(0).map((error) => brokenRow(file, error));
  const source = Readable.from(decodedText(file, encoding));
  pipeline(source, parser, () => undefined);
  try {
    for await (const item of parser) {
      const { record, info } = item as { record: string[]; info: Info };
      yield* refused();
      yield { record, line: info.lines };
    }
  } catch (error) {
    throw error instanceof ImportError ? error : unreadable(file, error);
  } finally {
    source.destroy();
  }
  yield* refused();
}

function brokenRow(file: string, { code, message, lines }: CsvError): RefusedRow {
  const line = lines as number;
  if (FATAL.has(code)) throw new ImportError(openQuote(file, line));
  return { line, reason: `no valid CSV: ${message}` };
}

function openQuote(file: string, line: number): string {
  return `${file} is no valid CSV: a quote is left open before line ${line}, with rows inside it`;
}

/** A refused row over several lines has swallowed others, most likely. */
function checkWhole<Row extends { line: number }>(file: string, record: string[], row: Row): Row {
  const isRefused = 'reason' in row;
  if (isRefused && record.some((text) => text.includes('\n'))) {
    throw new ImportError(openQuote(file, row.line));
  }
  return row;
}

function unreadable(file: string, cause: unknown): ImportError {
  return new ImportError(`${file} cannot be read: ${errorMessage(cause)}`, { cause });
}

class RowReader {
  /** How often the contents of rows without an id came. */
  private readonly occurrences = new Map<string, number>();

  constructor(private readonly plan: ImportPlan) {}

  read({ record, line }: CsvRecord, columns: readonly string[]): ReturnType<RowReader['check']> {
    const refuse = (reason: string): RefusedRow => ({ line, reason });
    if (record.length !== columns.length) {
      return refuse(`it has ${record.length} columns and not ${columns.length}`);
    }
    const further: Record<string, string> = {};
    for (const [i, name] of columns.entries()) {
      const text = record[i]!;
      if (text.length > VALUE_LENGTH) return refuse(`column ${name} is too long`);
      if (text.includes('\0')) return refuse(`column ${name} has a NUL character`);
      if (!OWN_COLUMNS.has(name) && text !== '') further[name] = text;
    }
    const value = (name: string) => record[columns.indexOf(name)] ?? '';
    return this.check({ line, value, further });
  }

  private check(fields: Fields): ImportRow | RefusedRow | UnbookedRow {
    const { plan } = this;
    const { line, value, further } = fields;
    const refuse = (reason: string): RefusedRow => ({ line, reason });
    const { status, currencyColumn, currency } = plan;
    if (status && !status.booked.has(value(status.column))) {
      return { line, status: value(status.column) };
    }
    if (currencyColumn !== undefined && value(currencyColumn) !== currency) {
      return refuse(`${currencyColumn} is "${value(currencyColumn)}" and not ${currency}`);
    }
    const [id, date, amount] = [value('transaction_id'), value('date'), value('amount')];
    const account = plan.accountPrefix + value('account_id');
    const clientId = id === '' ? undefined : `${plan.name}:${id}`;
    if (clientId !== undefined && !isClientId(clientId)) {
      return refuse(`transaction_id "${id}" makes no client id`);
    }
    if (!isCalendarDate(date)) return refuse(`date "${date}" is no day as YYYY-MM-DD`);
    if (date < FIRST_EFFECTIVE_DATE) {
      return refuse(`date ${date} is before ${FIRST_EFFECTIVE_DATE}`);
    }
    if (value('account_id') === '' || !isClientId(account)) {
      return refuse(`account_id "${value('account_id')}" makes no client id`);
    }
    if (!SIGNED_AMOUNT_PATTERN.test(amount) || !hasAmountSize(amount)) {
      return refuse(`amount "${amount}" is no decimal number`);
    }
    const kind = value(KIND);
    const counter = plan.against.get(kind) ?? plan.counter;
    if (!counter) return refuse(`kind "${kind}" has no account to go against`);
    const isNegative = amount.startsWith('-');
    const { positive } = plan;
    return {
      line,
      key: this.keyOf(fields, id),
      clientId,
      date,
      account,
      counter,
      amount: isNegative ? amount.slice(1) : amount,
      direction: isNegative ? opposite(positive) : positive,
      description: kind === '' ? DEFAULT_DESCRIPTION : kind.slice(0, DESCRIPTION_LENGTH),
      metadata: further,
    };
  }

  /**
   * What a row says is what it is, whatever the file or the import is called. A row with an id is
   * there once; of equal ones without, each is one of its own.
   */
  private keyOf({ value, further }: Fields, id: string): string {
    const own = [...OWN_COLUMNS].map((column) => value(column));
    const content = hash('sha256', canonicalJson([this.plan.currency, ...own, further]), 'hex');
    if (id !== '') return `import:${content}`;
    const occurrence = (this.occurrences.get(content) ?? 0) + 1;
    this.occurrences.set(content, occurrence);
    if (this.occurrences.size > MAX_WITHOUT_ID) {
      throw new ImportError(`More than ${MAX_WITHOUT_ID} rows have no transaction_id`);
    }
    return `import:${content}:${occurrence}`;
  }
}

function opposite(side: 'debit' | 'credit'): 'debit' | 'credit' {
  return side === 'debit' ? 'credit' : 'debit';
}
