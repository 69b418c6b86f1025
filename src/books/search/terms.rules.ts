import { wordsOf } from './words.rules';

/**
 * A term is what something can be found by: a number of 30 bits, made of a kind and a text. Two
 * texts may have the same one, so that whatever is found by terms is compared with what was asked.
 */
export type Term = number;
export const TERM_BITS = 30;

/** What a text is to what is found by it. */
const KINDS = {
  word: 1,
  transactionMetadata: 2,
  amount: 3,
  currency: 4,
  date: 5,
  actor: 6,
  /** The same in other bits: nothing else says who posted a transaction. */
  actorAgain: 7,
  account: 8,
  group: 9,
  holdMetadata: 10,
  scheduleMetadata: 11,
} as const;
export type TermKind = keyof typeof KINDS;

/** FNV-1a over UTF-16 units, with the last step of MurmurHash3, which spreads short texts. */
class Hash {
  private state: number;

  constructor(kind: TermKind) {
    this.state = Math.imul(0x811c9dc5 ^ KINDS[kind], 0x01000193);
  }

  add(unit: number): void {
    this.state = Math.imul(this.state ^ unit, 0x01000193);
  }

  get term(): Term {
    let h = this.state;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> (32 - TERM_BITS);
  }
}

/** The term of a whole text. */
export function termOf(kind: TermKind, text: string): Term {
  const hash = new Hash(kind);
  for (let i = 0; i < text.length; i++) hash.add(text.charCodeAt(i));
  return hash.term;
}

/** The terms of the beginnings of a text that have certain lengths. */
function beginningsOf(kind: TermKind, text: string, isLength: (length: number) => boolean) {
  const hash = new Hash(kind);
  const terms: Term[] = [];
  for (let i = 0; i < text.length; i++) {
    hash.add(text.charCodeAt(i));
    if (isLength(i + 1)) terms.push(hash.term);
  }
  return terms;
}

/** Up to here a word is found by each of its beginnings, behind it by every eighth. */
const EACH_BEGINNING = 12;
const isWordLength = (length: number) => length <= EACH_BEGINNING || length % 8 === 0;

/** The term that a word and all that begin with it have. */
export function wordTerm(word: string): Term {
  let length = word.length;
  while (!isWordLength(length)) length--;
  return termOf('word', word.slice(0, length));
}

/** What metadata is found by, of a kind of thing that has some. */
export function metadataTerm(kind: TermKind, key: string, value: string): Term {
  return termOf(kind, `${key}\0${value}`);
}

export function actorTerms(actor: string): readonly [Term, Term] {
  return [termOf('actor', actor), termOf('actorAgain', actor)];
}

/** A group and those that it is in. */
function groupTerms(group: string): Term[] {
  const isPath = (length: number) => length === group.length || group[length] === ':';
  return beginningsOf('group', group, isPath);
}

/** Digits of an amount that ranges are made of; what a range has beyond is looked at. */
const AMOUNT_DIGITS = 6;

/**
 * The digits of an amount that is not negative, without zeros at its ends, and how many of them
 * stand before the point.
 */
export function digitsOf(amount: string): { whole: number; digits: string } {
  const [before, behind = ''] = amount.split('.') as [string, string?];
  const first = before === '0' ? '' : before;
  return { whole: first.length, digits: (first + behind).replace(/0+$/, '') };
}

/** Amounts with so many digits before the point, whose digits begin so; `''`: all of them. */
export function amountTerm(whole: number, digits: string): Term {
  return termOf('amount', `${whole} ${digits}`);
}

/** Amounts with so many digits before the point, or more. */
export function largerTerm(whole: number): Term {
  return termOf('amount', `from ${whole}`);
}

function amountTerms(amount: string): Term[] {
  const { whole, digits } = digitsOf(amount);
  const padded = digits.padEnd(AMOUNT_DIGITS, '0');
  const terms = beginningsOf(
    'amount',
    `${whole} ${padded}`,
    (length) => length - `${whole} `.length >= 0,
  ).slice(0, AMOUNT_DIGITS + 1);
  for (let i = 0; i <= whole; i++) terms.push(largerTerm(i));
  return terms;
}

/** A day, its month, year, decade and century: `YYYY-MM-DD` cut after so many characters. */
export const DATE_LENGTHS = [2, 3, 4, 7, 10] as const;
const isDateLength = (length: number) => (DATE_LENGTHS as readonly number[]).includes(length);

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Characters that a term takes where many are kept as text. */
export const TERM_CHARACTERS = TERM_BITS / 6;
const PAIRS = Array.from({ length: 4096 }, (_, i) => DIGITS[i >> 6]! + DIGITS[i & 63]!);
const VALUES = new Uint8Array(128);
for (let i = 0; i < DIGITS.length; i++) VALUES[DIGITS.charCodeAt(i)] = i;

export function textOfTerm(term: Term): string {
  return PAIRS[term >>> 18]! + PAIRS[(term >>> 6) & 4095]! + DIGITS[term & 63]!;
}

/** The number that `length` characters of a text stand for. */
export function numberIn(text: string, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) value = (value << 6) | VALUES[text.charCodeAt(i)]!;
  return value;
}

export function digitOf(value: number): string {
  return DIGITS[value]!;
}

/** Most texts come again: what was made of them is kept until there are so many. */
const MEMORY = 10_000;

/** What is made of a text, and remembered for the next one. */
function remembered(make: (text: string) => readonly Term[]): (text: string) => string {
  let known = new Map<string, string>();
  return (text) => {
    let terms = known.get(text);
    if (terms === undefined) {
      terms = make(text).map(textOfTerm).join('');
      if (known.size >= MEMORY) known = new Map();
      known.set(text, terms);
    }
    return terms;
  };
}

const inText = {
  word: remembered((word) => beginningsOf('word', word, isWordLength)),
  amount: remembered(amountTerms),
  currency: remembered((currency) => [termOf('currency', currency)]),
  date: remembered((date) => beginningsOf('date', date, isDateLength)),
  actor: remembered(actorTerms),
  group: remembered(groupTerms),
  account: remembered((accountNo) => [termOf('account', accountNo)]),
};

/** What a transaction is found by. */
export interface FoundTransaction {
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly effectiveDate: string;
  readonly actor: string;
  readonly postings: readonly { readonly amount: string; readonly currency: string }[];
  /** The accounts that it posts to, each once, with their groups. */
  readonly accounts: readonly {
    readonly account_no: number;
    readonly account_group: string | null;
  }[];
}

/** The terms of a transaction, as text. */
export function transactionTerms(of: FoundTransaction): string {
  let terms = inText.date(of.effectiveDate) + inText.actor(of.actor);
  for (const word of wordsOf(of.description)) terms += inText.word(word);
  if (of.metadata) terms += metadataTerms('transactionMetadata', of.metadata);
  let before: { readonly amount: string; readonly currency: string } | undefined;
  for (const posting of of.postings) {
    const { amount, currency } = posting;
    // Most transactions have one amount on both sides.
    if (amount !== before?.amount) terms += inText.amount(amount);
    if (currency !== before?.currency) terms += inText.currency(currency);
    before = posting;
  }
  let groupBefore: string | null = null;
  for (const { account_no: accountNo, account_group: group } of of.accounts) {
    terms += inText.account(String(accountNo));
    if (group !== null && group !== groupBefore) terms += inText.group(group);
    groupBefore = group;
  }
  return terms;
}

/** The terms of metadata, as text, in the order in which the log has them. */
export function metadataTerms(kind: TermKind, metadata: Readonly<Record<string, string>>): string {
  const keys = Object.keys(metadata).sort();
  return keys.map((key) => textOfTerm(metadataTerm(kind, key, metadata[key]!))).join('');
}
