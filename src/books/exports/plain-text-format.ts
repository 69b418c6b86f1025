import { formatAmount } from '../../money/amount';
import { oneLine, plainPath } from './account-path';
import type {
  DeclaredAccount,
  JournalCurrency,
  JournalFormat,
  JournalHead,
  JournalOf,
  JournalPosting,
} from './journal-format';
import { accountNotes, divided, OWN_NOTES, spanOf, transactionNotes, type Notes } from './notes';

/**
 * So many characters of a text are in one comment: ledger refuses a line of more than 4,096 bytes,
 * and JSON may write six for a character.
 */
const COMMENT_CHARACTERS = 500;
/** ledger knows no earlier year. */
const FIRST_DAY_OF_LEDGER = '1400-01-01';
const INDENT = '    ';

/** What hledger takes for a date or for the type of an account, wherever it stands. */
const TAGS_OF_HLEDGER = ['date', 'date2', 'type'];
/** A tag's value ends with a comma, and a bracket may begin a date. */
const PLAIN_VALUE = /^[^\p{Z}\p{C},[]([^\p{Zl}\p{Zp}\p{C},[]*[^\p{Z}\p{C},[])?$/u;

/** Journals of hledger and ledger, which differ in what they want declared. */
export class PlainTextFormat implements JournalFormat {
  readonly contentType = 'text/plain';
  readonly extension: string;

  constructor(private readonly program: 'hledger' | 'ledger') {
    this.extension = program;
  }

  begin(of: JournalOf): string {
    const declared =
      this.program === 'hledger'
        ? 'decimal-mark .\n'
        : OWN_NOTES.map((name) => `tag ${name}\n`).join('');
    return `; Journal of Truebook for ${this.program}, ${spanOf(of)}\n\n${declared}\n`;
  }

  currency({ code, digits }: JournalCurrency): string {
    const symbol = symbolOf(code);
    const amount = `1000${digits > 0 ? `.${'0'.repeat(digits)}` : ''}`;
    // To hledger a number needs its decimal mark, also where nothing is behind it.
    if (this.program === 'hledger') {
      return `commodity ${digits > 0 ? amount : `${amount}.`} ${symbol}\n`;
    }
    return `commodity ${symbol}\n${INDENT}format ${amount} ${symbol}\n`;
  }

  account(account: DeclaredAccount): string {
    const path = plainPath(account);
    const isExact = path.endsWith(`${account.no} ${account.name}`);
    const name = isExact ? [] : textComments('name', account.name);
    return `account ${path}\n${[...this.comments(accountNotes(account)), ...name].join('')}`;
  }

  head(head: JournalHead): string {
    const { date, description, event } = head;
    const isTooEarly = this.program === 'ledger' && date < FIRST_DAY_OF_LEDGER;
    const code = event ? ` (${event.position})` : '';
    const said = oneLine(description.replaceAll(';', ',')) || '-';
    const comments = [
      ...this.comments(transactionNotes(head)),
      ...(isTooEarly ? [comment('effectiveDate', date)] : []),
      ...(said === description ? [] : textComments('description', description)),
    ];
    return `\n${isTooEarly ? FIRST_DAY_OF_LEDGER : date}${code} ${said}\n${comments.join('')}`;
  }

  postings(postings: readonly JournalPosting[]): string {
    const lines = postings.map(({ account, amount }) => {
      const { code, digits } = account.currency;
      const path = plainPath(account);
      return `${INDENT}${path}  ${formatAmount(amount, digits)} ${symbolOf(code)}\n`;
    });
    return lines.join('');
  }

  rest(): string {
    return '';
  }

  end(of: JournalOf, transactions: number): string {
    return `\n; End of the journal: ${transactions} transactions, ${spanOf(of)}\n`;
  }

  /** Metadata is a tag of its own where hledger reads it back as it is; else it is JSON. */
  private comments(notes: Notes): string[] {
    const { plain, other } = divided(
      notes,
      (key, value) =>
        this.program === 'hledger' &&
        /^[A-Za-z][\w-]*$/.test(key) &&
        !TAGS_OF_HLEDGER.includes(key) &&
        PLAIN_VALUE.test(value),
    );
    const own = Object.entries(notes.own).filter(([, value]) => value !== null);
    return [
      ...own.map(([name, value]) => comment(name, value!)),
      ...plain.map(([key, value]) => comment(key, value)),
      ...other.map(([key, value]) => comment('metadata', inertJson({ [key]: value }))),
    ];
  }
}

function comment(name: string, text: string): string {
  return `${INDENT}; ${name}: ${text}\n`;
}

/** A text as it is, as one string of JSON, or as several that follow each other. */
function textComments(name: string, text: string): string[] {
  const characters = Array.from(text);
  const pieces = Math.ceil(characters.length / COMMENT_CHARACTERS);
  return Array.from({ length: pieces }, (_, i) => {
    const piece = characters.slice(i * COMMENT_CHARACTERS, (i + 1) * COMMENT_CHARACTERS);
    return comment(name, inertJson(piece.join('')));
  });
}

/**
 * JSON on one line in which no program finds anything: behind a comma hledger looks for another
 * tag, behind a bracket for a date.
 */
function inertJson(value: unknown): string {
  const escaped = (character: string) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[,[\u007f-\u009f\u2028\u2029]/g, escaped);
}

/** Digits in a name have it quoted. */
function symbolOf(code: string): string {
  return /\d/.test(code) ? `"${code}"` : code;
}
