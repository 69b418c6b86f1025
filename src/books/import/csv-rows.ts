import { createReadStream } from 'node:fs';
import { parse, type CsvError, type Info } from 'csv-parse';
import { isClientId } from '../../engine/define/reference';
import { hasAmountSize, SIGNED_AMOUNT_PATTERN } from '../../money/amount';
import { FIRST_EFFECTIVE_DATE, isCalendarDate } from '../../money/calendar-date';
import { ImportError, type CounterAccount, type ImportPlan } from './import-plan';
import { errorMessage } from '../../database/errors';

/** One transaction of the file, checked as far as the file alone allows. */
export interface ImportRow {
  /** The line in the file where the row ends, from 1. */
  readonly line: number;
  readonly transactionId: string;
  readonly date: string;
  /** Client id of the row's account. */
  readonly account: string;
  readonly counter: CounterAccount;
  /** Decimal string without sign. */
  readonly amount: string;
  /** Positive amounts credit the row's account, negative ones debit it. */
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

const REQUIRED = ['transaction_id', 'date', 'account_id', 'amount'] as const;
const KIND = 'kind';
/** Columns that have a place of their own; all others are metadata. */
const OWN = new Set<string>(REQUIRED);
/** A longer record is most likely a quote that was never closed. */
const MAX_RECORD_BYTES = 1_000_000;
const METADATA = { columns: 50, nameLength: 64, valueLength: 500 } as const;
const DESCRIPTION_LENGTH = 500;
const DEFAULT_DESCRIPTION = 'Imported transaction';

/**
 * Reads a CSV file (RFC 4180, UTF-8, first line the columns' names) row by row; memory does not
 * grow with the file.
 * @throws ImportError where the file cannot be read or a required column is missing
 */
export async function* readRows(
  file: string,
  plan: ImportPlan,
): AsyncGenerator<ImportRow | RefusedRow> {
  const skipped: RefusedRow[] = [];
  const parser = parse({
    bom: true,
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: MAX_RECORD_BYTES,
    skip_records_with_error: true,
    on_skip: (error) => {
      if (error) skipped.push({ line: error.lines as number, reason: brokenReason(error) });
    },
  });
  const source = createReadStream(file);
  source.on('error', (error) => parser.destroy(error));
  let columns: readonly string[] | undefined;
  try {
    for await (const item of source.pipe(parser)) {
      const { record, info } = item as { record: string[]; info: Info };
      yield* skipped.splice(0);
      if (columns === undefined) columns = checkColumns(record, file);
      else yield readRow(record, columns, info.lines, plan);
    }
  } catch (error) {
    throw error instanceof ImportError ? error : unreadable(file, error);
  } finally {
    source.destroy();
  }
  yield* skipped;
  if (columns === undefined) throw new ImportError(`${file} is empty`);
}

/**
 * Looks at the first lines of a file, before anything is made for it.
 * @throws ImportError as {@link readRows}
 */
export async function checkFile(file: string, plan: ImportPlan): Promise<void> {
  const rows = readRows(file, plan);
  await rows.next();
  await rows.return(undefined);
}

function brokenReason({ code, message }: CsvError): string {
  return code === 'CSV_MAX_RECORD_SIZE' ? 'the row is too long' : `no valid CSV: ${message}`;
}

function unreadable(file: string, cause: unknown): ImportError {
  const reason = errorMessage(cause);
  return new ImportError(`${file} cannot be read: ${reason}`, { cause });
}

function checkColumns(columns: readonly string[], file: string): readonly string[] {
  const missing = REQUIRED.filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    throw new ImportError(`${file} lacks the column ${missing.join(', ')} in its first line`);
  }
  const double = columns.find((name, i) => columns.indexOf(name) !== i);
  if (double !== undefined) throw new ImportError(`${file} has the column "${double}" twice`);
  const further = columns.filter((name) => !OWN.has(name));
  const isUnfit = (name: string) =>
    name.length === 0 || name.length > METADATA.nameLength || /["\\\p{Cc}]/u.test(name);
  const unfit = further.find(isUnfit);
  if (unfit !== undefined) {
    throw new ImportError(`${file} has a column name that is empty, too long or odd: "${unfit}"`);
  }
  if (further.length > METADATA.columns) {
    throw new ImportError(`${file} has more than ${METADATA.columns} further columns`);
  }
  return columns;
}

function readRow(
  record: readonly string[],
  columns: readonly string[],
  line: number,
  plan: ImportPlan,
): ImportRow | RefusedRow {
  const refuse = (reason: string): RefusedRow => ({ line, reason });
  if (record.length !== columns.length) {
    return refuse(`it has ${record.length} columns and not ${columns.length}`);
  }
  const value = (name: string) => record[columns.indexOf(name)] ?? '';
  const [transactionId, date, amount] = [value('transaction_id'), value('date'), value('amount')];
  const account = plan.accountPrefix + value('account_id');
  if (!isClientId(`${plan.name}:${transactionId}`)) {
    return refuse(`transaction_id "${transactionId}" makes no client id`);
  }
  if (!isCalendarDate(date)) return refuse(`date "${date}" is no day as YYYY-MM-DD`);
  if (date < FIRST_EFFECTIVE_DATE) return refuse(`date ${date} is before ${FIRST_EFFECTIVE_DATE}`);
  if (value('account_id') === '' || !isClientId(account)) {
    return refuse(`account_id "${value('account_id')}" makes no client id`);
  }
  if (!SIGNED_AMOUNT_PATTERN.test(amount) || !hasAmountSize(amount)) {
    return refuse(`amount "${amount}" is no decimal number`);
  }
  const kind = value(KIND);
  const counter = plan.against.get(kind) ?? plan.counter;
  if (!counter) return refuse(`kind "${kind}" has no account to go against`);
  const metadata: Record<string, string> = {};
  for (const [i, name] of columns.entries()) {
    const text = record[i]!;
    if (text.length > METADATA.valueLength) return refuse(`column ${name} is too long`);
    if (text.includes('\0')) return refuse(`column ${name} has a NUL character`);
    if (!OWN.has(name) && text !== '') metadata[name] = text;
  }
  const isDebit = amount.startsWith('-');
  return {
    line,
    transactionId,
    date,
    account,
    counter,
    amount: isDebit ? amount.slice(1) : amount,
    direction: isDebit ? 'debit' : 'credit',
    description: kind === '' ? DEFAULT_DESCRIPTION : kind.slice(0, DESCRIPTION_LENGTH),
    metadata,
  };
}

/** Lines of a file, for showing how far it is read. */
export async function countLines(file: string): Promise<number> {
  let lines = 0;
  try {
    for await (const chunk of createReadStream(file)) {
      for (const byte of chunk as Buffer) if (byte === NEWLINE) lines++;
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  return lines;
}

const NEWLINE = 0x0a;
