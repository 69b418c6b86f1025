import { endsInHalf, wordsOf } from './words.rules';

/**
 * What something is found by: a kind and a text. It is found by certain beginnings of its tokens,
 * which the kind says; so a word is found by its first letters, and a day by its month.
 */
export type Token = string;
/** What tokens begin with. */
export const KINDS = {
  word: 'w',
  transactionMetadata: 'k',
  holdMetadata: 'h',
  scheduleMetadata: 's',
  accountMetadata: 'b',
  amount: 'm',
  /** As many strokes as an amount has digits before its point: it is found by fewer, too. */
  size: 'l',
  currency: 'c',
  date: 'd',
  actor: 'a',
  account: 'n',
  group: 'g',
  /** In place of what each posting says, where there are many. */
  many: 'o',
} as const;
export type MetadataKind = `${'transaction' | 'hold' | 'schedule' | 'account'}Metadata`;

/**
 * The hash of a token's beginning. Two of them may have the same one, so that whatever is found by
 * terms is compared with what was asked.
 */
export type Term = number;

/** FNV-1a over UTF-16 units. */
const step = (state: number, unit: number) => Math.imul(state ^ unit, 0x01000193);
const BEGIN = 0x811c9dc5 | 0;

/** The last step of MurmurHash3, which spreads what differs little. @returns 32 bits */
function spread(state: number): Term {
  let h = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The term of a token's beginning, which has one of the lengths that it is found by. */
export function termOf(beginning: string): Term {
  let state = BEGIN;
  for (let i = 0; i < beginning.length; i++) state = step(state, beginning.charCodeAt(i));
  return spread(state);
}

/** Up to here a word is found by each of its beginnings, behind it by every eighth. */
const EACH_BEGINNING = 12;
/** `YYYYMMDD` cut behind the century, the decade, the year, the month and the day. */
export const DATE_LENGTHS = [2, 3, 4, 6, 8] as const;
/** Digits of an amount that ranges are made of; what a range has beyond is compared. */
export const AMOUNT_DIGITS = 6;

/** Whether a token is found by its beginning of a length, the kind not counted. */
function isFoundBy(token: Token, length: number): boolean {
  switch (token[0]) {
    case KINDS.word:
      return length > 0 && (length <= EACH_BEGINNING || length % 8 === 0);
    case KINDS.size:
      return true;
    case KINDS.amount:
      return length >= 2;
    case KINDS.date:
      return (DATE_LENGTHS as readonly number[]).includes(length);
    case KINDS.group:
      return length === token.length - 1 || token[length + 1] === ':';
    default:
      return length === token.length - 1;
  }
}

/** Tells all terms of a token. */
export function eachTerm(token: Token, tell: (term: Term) => void): void {
  let state = BEGIN;
  for (let i = 0; i < token.length; i++) {
    state = step(state, token.charCodeAt(i));
    if (isFoundBy(token, i)) tell(spread(state));
  }
}

/** The longest beginning of a word that words are found by. */
export function wordBeginning(word: string): string {
  const token = KINDS.word + word;
  let length = word.length;
  while (!isFoundBy(token, length) || endsInHalf(word, length)) length--;
  return token.slice(0, length + 1);
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** 60 bits of a text that may have any length and any characters, as ten of `A-Za-z0-9_-`. */
function digest(text: string): string {
  let one = BEGIN;
  let other = 1;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    one = step(one, unit);
    other = Math.imul(other + unit, 0x9e3779b1) ^ (other >>> 15);
  }
  return half(spread(one)) + half(spread(other));
}

function half(hash: number): string {
  let text = '';
  for (let shift = 0; shift < 30; shift += 6) text += DIGITS[(hash >>> shift) & 63]!;
  return text;
}

/** What metadata is found by, of a kind of thing that has some. */
export function metadataToken(kind: MetadataKind, key: string, value: string): Token {
  return KINDS[kind] + digest(`${key}\0${value}`);
}

/** Most texts come again: the token of the last one is kept. */
function remembered(tokenOf: (text: string) => Token): (text: string) => Token {
  let [last, token]: [string | undefined, Token] = [undefined, ''];
  return (text) => {
    if (text !== last) [last, token] = [text, tokenOf(text)];
    return token;
  };
}

export const actorToken = remembered((actor) => KINDS.actor + digest(actor));
export const dateToken = remembered((date) => KINDS.date + date.replaceAll('-', ''));

/**
 * The digits of an amount that is not negative, without zeros at its front, and how many of them
 * stand before the point.
 */
export function digitsOf(amount: string): { whole: number; digits: string } {
  const [before, behind = ''] = amount.split('.') as [string, string?];
  const first = before === '0' ? '' : before;
  const digits = (first + behind).padEnd(AMOUNT_DIGITS, '0').slice(0, AMOUNT_DIGITS);
  return { whole: first.length, digits };
}

/** Amounts with so many digits before the point, whose digits begin so; `''`: all of them. */
export function amountToken(whole: number, digits: string): Token {
  return KINDS.amount + String(whole).padStart(2, '0') + digits;
}

/** Amounts with so many digits before the point, or more. */
export function sizeToken(whole: number): Token {
  return KINDS.size + '|'.repeat(whole);
}

/** Between the tokens of a thing, and in front of the first. No token has one. */
export const SPACE = ' ';

const amountTokens = remembered((amount) => {
  const { whole, digits } = digitsOf(amount);
  return SPACE + amountToken(whole, digits) + SPACE + sizeToken(whole);
});

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

/**
 * A transaction of more postings is found by that it has many, whatever is asked of them: so what a
 * part has is bounded, which is turned round under the locks.
 */
const TOLD_POSTINGS = 32;

/** The tokens of a transaction. */
export function transactionTokens(of: FoundTransaction): string {
  let tokens = SPACE + dateToken(of.effectiveDate) + SPACE + actorToken(of.actor);
  for (const word of wordsOf(of.description)) tokens += SPACE + KINDS.word + word;
  if (of.metadata) tokens += metadataTokens('transactionMetadata', of.metadata);
  if (of.postings.length > TOLD_POSTINGS) return tokens + SPACE + KINDS.many;
  let before: { readonly amount: string; readonly currency: string } | undefined;
  for (const posting of of.postings) {
    const { amount, currency } = posting;
    // Most transactions have one amount on both sides.
    if (amount !== before?.amount) tokens += amountTokens(amount);
    if (currency !== before?.currency) tokens += SPACE + KINDS.currency + currency;
    before = posting;
  }
  let groupBefore: string | null = null;
  for (const { account_no: accountNo, account_group: group } of of.accounts) {
    tokens += SPACE + KINDS.account + accountNo;
    if (group !== null && group !== groupBefore) tokens += SPACE + KINDS.group + group;
    groupBefore = group;
  }
  return tokens;
}

/** The tokens of metadata, in the order in which the log has them. */
export function metadataTokens(
  kind: MetadataKind,
  metadata: Readonly<Record<string, string>>,
): string {
  const keys = Object.keys(metadata).sort();
  return keys.map((key) => SPACE + metadataToken(kind, key, metadata[key]!)).join('');
}
