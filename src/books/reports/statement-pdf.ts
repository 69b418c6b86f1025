import { PDF_PAGE, PdfDocument, type PdfStyle } from '../../http/pdf-document';
import type { PdfPart } from '../../http/pdf';
import { formatAmount } from '../../money/amount';
import type { ShownAccountRow } from '../accounts/account.table';
import { statementView, type StatementEntries } from './statement';
import type { AccountStatementDto, StatementEntryDto } from './statement.dto';
import type { StatementEnds } from './statement.queries';

/** What a statement says besides its entries. */
export interface StatementHead {
  readonly account: ShownAccountRow;
  readonly ends: StatementEnds;
  /** Effective dates, both included; undefined: from the first entry, to the last. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** What was known after this event. */
  readonly position: number;
}

const TITLE: PdfStyle = { size: 15, isBold: true };
const NAME: PdfStyle = { size: 11, isBold: true };
const TEXT: PdfStyle = { size: 8 };
const STRONG: PdfStyle = { size: 8, isBold: true };
const LEFT = PDF_PAGE.margin;
const RIGHT = PDF_PAGE.width - PDF_PAGE.margin;
const BOTTOM = PDF_PAGE.height - PDF_PAGE.margin;
const GAP = 10;
/** A line is so much higher than its letters. */
const LEADING = 1.3;
/** The share of a page's width that numbers may take; larger ones are set in smaller letters. */
const MOST_NUMBERS = 0.6;
/** Rows that are drawn at a time. */
const PART_ROWS = 20;
/** Counter accounts that an entry names; of more it says how many. */
const MOST_COUNTER_ACCOUNTS = 10;

/** Where the columns are. Texts begin at their place, numbers end there. */
interface Columns {
  readonly position: number;
  readonly description: number;
  readonly descriptionWidth: number;
  readonly counter: number;
  readonly counterWidth: number;
  readonly debit: number;
  readonly credit: number;
  readonly balance: number;
  /** Of the numbers. */
  readonly style: PdfStyle;
}

/** A row of the table; a cell that is undefined is empty. */
interface Row {
  readonly date?: string | undefined;
  readonly position?: string;
  readonly description: string;
  readonly counter?: string;
  readonly debit?: string | undefined;
  readonly credit?: string | undefined;
  readonly balance?: string;
  readonly isStrong?: boolean;
}

/** The statement of an account as a document: its head, a row for each entry, and its sums. */
export class StatementPdf {
  readonly document: PdfDocument;
  private readonly of: AccountStatementDto;
  private readonly columns: Columns;
  private y = PDF_PAGE.margin;

  constructor(private readonly head: StatementHead) {
    const { account, ends } = head;
    this.of = statementView(account, ends, []);
    this.document = new PdfDocument(
      `Statement of ${account.name}`,
      `${account.name} · ${days(head)}`,
    );
    this.columns = columnsFor(this.document, this.of, head);
  }

  /** Its parts in order, each to be drawn when its turn comes. */
  async *parts(pages: AsyncGenerator<StatementEntries>): AsyncGenerator<PdfPart> {
    yield () => this.begin();
    for await (const { entries } of pages) {
      for (let from = 0; from < entries.length; from += PART_ROWS) {
        const part = entries.slice(from, from + PART_ROWS);
        yield () => part.forEach((entry) => this.row(rowOf(entry)));
      }
    }
    yield () => this.close();
  }

  private begin(): void {
    const { account, opening } = this.of;
    this.line('Statement', TITLE);
    this.line(account.name, NAME);
    this.y += 4;
    const named = account.clientId === null ? account.id : `${account.clientId} (${account.id})`;
    this.line(`Account ${named}`, TEXT);
    const group = account.group === null ? '' : ` · group ${account.group}`;
    this.line(`${account.type} · ${account.currency}${group}`, TEXT);
    this.line(`${days(this.head)} · as known at position ${this.head.position}`, TEXT);
    this.y += 6;
    this.header();
    this.row({
      ...{ date: this.head.from, description: 'Opening balance', balance: opening },
      isStrong: true,
    });
  }

  private close(): void {
    const { totalDebits, totalCredits, closing } = this.of;
    this.document.rule(LEFT, RIGHT, this.y);
    this.y += 3;
    const sums = { debit: totalDebits, credit: totalCredits };
    this.row({ description: 'Totals', ...sums, isStrong: true });
    this.row({
      ...{ date: this.head.to, description: 'Closing balance', balance: closing },
      isStrong: true,
    });
  }

  private line(text: string, style: PdfStyle): void {
    for (const line of this.document.lines(text, style, RIGHT - LEFT)) {
      this.makeRoom(style.size * LEADING);
      this.document.text(line, LEFT, this.y, style);
      this.y += style.size * LEADING;
    }
  }

  /** The names of the columns, at the top of each page. */
  private header(): void {
    const { currency } = this.of.account;
    this.cells({
      ...{ date: 'Date', position: 'Position', description: 'Description' },
      ...{ counter: 'Counter accounts', debit: 'Debit', credit: 'Credit' },
      ...{ balance: `Balance ${currency}`, isStrong: true },
    });
    this.y += TEXT.size * LEADING + 2;
    this.document.rule(LEFT, RIGHT, this.y);
    this.y += 4;
  }

  /** Draws a row in as many lines as its texts take, which may go on on the next page. */
  private row(row: Row): void {
    const { descriptionWidth, counterWidth } = this.columns;
    const style = row.isStrong ? STRONG : TEXT;
    const description = this.document.lines(row.description, style, descriptionWidth);
    const counter = row.counter ? this.document.lines(row.counter, style, counterWidth) : [];
    for (let i = 0; i < Math.max(description.length, counter.length); i++) {
      this.makeRoom(style.size * LEADING);
      const texts = { description: description[i] ?? '', counter: counter[i] ?? '' };
      this.cells(i === 0 ? { ...row, ...texts } : texts);
      this.y += style.size * LEADING;
    }
    this.y += 2;
  }

  private cells({ isStrong = false, ...row }: Row): void {
    const { document, columns, y } = this;
    const style = isStrong ? STRONG : TEXT;
    const numbers = { ...columns.style, isBold: isStrong };
    if (row.date) document.text(row.date, LEFT, y, style);
    if (row.position) document.textBefore(row.position, columns.position, y, style);
    if (row.description) document.text(row.description, columns.description, y, style);
    if (row.counter) document.text(row.counter, columns.counter, y, style);
    for (const name of ['debit', 'credit', 'balance'] as const) {
      const text = row[name];
      if (text) document.textBefore(text, columns[name], y, numbers);
    }
  }

  private makeRoom(height: number): void {
    if (this.y + height <= BOTTOM) return;
    this.document.addPage();
    this.y = PDF_PAGE.margin;
    this.header();
  }
}

function days({ from, to }: StatementHead): string {
  if (from === undefined && to === undefined) return 'All days';
  if (from === undefined) return `Until ${to}`;
  return to === undefined ? `From ${from}` : `From ${from} to ${to}`;
}

function rowOf(entry: StatementEntryDto): Row {
  const { effectiveDate, position, description, direction, amount, balance } = entry;
  const names = entry.counterAccounts.map(({ name }) => name);
  const more = names.length - MOST_COUNTER_ACCOUNTS;
  const shown = names.slice(0, MOST_COUNTER_ACCOUNTS).join('; ');
  return {
    ...{ date: effectiveDate, position: String(position), description, balance },
    counter: more > 0 ? `${shown}; and ${more} more` : shown,
    [direction]: amount,
  };
}

/** Columns in which every number of a statement has room, which its sums tell ahead. */
function columnsFor(
  document: PdfDocument,
  of: AccountStatementDto,
  { account, ends, position }: StatementHead,
): Columns {
  // Whatever the order of the entries is, no balance on the way is larger than all of them.
  const most = formatAmount(-(ends.closing_debits + ends.closing_credits), account.digits);
  const widest = [of.totalDebits, of.totalCredits, most];
  const headings = ['Debit', 'Credit', `Balance ${of.account.currency}`];
  const widths = (style: PdfStyle) =>
    widest.map((text, i) =>
      Math.max(
        document.widthOf(text.replaceAll(/\d/g, '0'), style),
        document.widthOf(headings[i]!, style),
      ),
    );
  let style = STRONG;
  const room = (RIGHT - LEFT) * MOST_NUMBERS;
  while (sum(widths(style)) + 3 * GAP > room) style = { ...style, size: style.size * 0.95 };
  const [debitWidth, creditWidth, balanceWidth] = widths(style) as [number, number, number];
  const balance = RIGHT;
  const credit = balance - balanceWidth - GAP;
  const debit = credit - creditWidth - GAP;
  const dateWidth = document.widthOf('0000-00-00', STRONG);
  const positionWidth = Math.max(
    document.widthOf('0'.repeat(String(position).length), STRONG),
    document.widthOf('Position', STRONG),
  );
  const positionEnd = LEFT + dateWidth + GAP + positionWidth;
  const description = positionEnd + GAP;
  const texts = debit - debitWidth - GAP - description;
  const descriptionWidth = (texts - GAP) * 0.6;
  const counter = description + descriptionWidth + GAP;
  return {
    ...{ position: positionEnd, description, descriptionWidth, counter },
    ...{ counterWidth: texts - GAP - descriptionWidth, debit, credit, balance, style },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
