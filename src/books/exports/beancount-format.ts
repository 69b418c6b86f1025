import { formatAmount } from '../../money/amount';
import { beancountPath } from './account-path';
import type {
  DeclaredAccount,
  JournalAccount,
  JournalCurrency,
  JournalFormat,
  JournalHead,
  JournalOf,
  JournalPosting,
} from './journal-format';
import { accountNotes, divided, spanOf, transactionNotes, type Notes } from './notes';

/**
 * beancount adds with 28 digits and rounds what has more, so that a transaction of larger amounts
 * would not balance. From so many minor units on an amount is written as two: first what it has
 * below {@link HIGH}, in all postings, then the rest in them. No sum on that way, of a million
 * postings, has more than 28 digits that are not zeros at its end.
 */
const SPLIT_FROM = 10n ** 22n;
const HIGH = 10n ** 14n;

/** What the parser takes for something else, or finds out by itself. */
const WORDS = ['TRUE', 'FALSE', 'NULL'];
const KEYS_OF_BEANCOUNT = ['filename', 'lineno'];
const INDENT = '  ';

/** Journals of beancount. */
export class BeancountFormat implements JournalFormat {
  readonly contentType = 'text/plain';
  readonly extension = 'beancount';
  private firstDay = '';

  begin(of: JournalOf, firstDay: string): string {
    this.firstDay = firstDay;
    return `; Journal of Truebook for beancount, ${spanOf(of)}\n\n`;
  }

  currency({ code }: JournalCurrency): string {
    const name = nameOf(code);
    const notes = name === code ? '' : noteLine('code', code);
    return `${this.firstDay} commodity ${name}\n${notes}`;
  }

  account(account: DeclaredAccount): string {
    const { code } = account.currency;
    const notes = notesOf(accountNotes(account)) + noteLine('name', account.name);
    return `${this.firstDay} open ${beancountPath(account)} ${nameOf(code)}\n${notes}`;
  }

  head(head: JournalHead): string {
    const { date, description, event } = head;
    const position = event ? `${INDENT}position: ${event.position}\n` : '';
    return `\n${date} * ${quoted(description)}\n${position}${notesOf(transactionNotes(head))}`;
  }

  postings(postings: readonly JournalPosting[]): string {
    return lines(postings, (amount) => amount - highOf(amount));
  }

  rest(postings: readonly JournalPosting[]): string {
    return lines(postings, highOf);
  }

  end(of: JournalOf, transactions: number): string {
    return `\n; End of the journal: ${transactions} transactions, ${spanOf(of)}\n`;
  }
}

/** What of an amount is written behind the others; mostly nothing. */
function highOf(amount: bigint): bigint {
  const size = amount < 0n ? -amount : amount;
  return size < SPLIT_FROM ? 0n : amount - (amount % HIGH);
}

function lines(postings: readonly JournalPosting[], partOf: (amount: bigint) => bigint): string {
  const written = postings.map(({ account, amount }) => {
    const part = partOf(amount);
    return part === 0n ? '' : lineOf(account, part);
  });
  return written.join('');
}

function lineOf(account: JournalAccount, amount: bigint): string {
  const { code, digits } = account.currency;
  return `${INDENT}${beancountPath(account)}  ${formatAmount(amount, digits)} ${nameOf(code)}\n`;
}

/** A currency begins with a letter, and is no word; no code of ours has a point. */
function nameOf(code: string): string {
  return /^[A-Z]/.test(code) && !WORDS.includes(code) ? code : `X.${code}`;
}

/** Metadata is one of the transaction's own where beancount has such a key; else it is JSON. */
function notesOf(notes: Notes): string {
  const { plain, other } = divided(
    notes,
    (key) => /^[a-z][\w-]+$/.test(key) && !KEYS_OF_BEANCOUNT.includes(key),
  );
  const own = Object.entries(notes.own).filter(([, value]) => value !== null);
  const said = [...own, ...plain].map(([key, value]) => noteLine(key, value!));
  if (other.length > 0) said.push(noteLine('metadata', JSON.stringify(Object.fromEntries(other))));
  return said.join('');
}

function noteLine(key: string, value: string): string {
  return `${INDENT}${key}: ${quoted(value)}\n`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** A string of more than 64 lines is an error, so that all are on one. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"\n\r\t]/g, (character) => ESCAPES[character]!)}"`;
}
