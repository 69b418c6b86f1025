import { sql, type Expression, type SqlBool } from 'kysely';
import {
  actorToken,
  AMOUNT_DIGITS,
  amountToken,
  DATE_LENGTHS,
  dateToken,
  digitsOf,
  KINDS,
  metadataToken,
  sizeToken,
  wordBeginning,
  type MetadataKind,
} from './terms.rules';

/**
 * What is looked for has, of each list, one token at least that begins so: with a beginning that
 * its kind of token is found by.
 */
export type Wanted = readonly (readonly string[])[];

export type MetadataFilter = Readonly<Record<string, string>>;

/** Whether metadata has all pairs of a filter. */
export function contains(
  metadata: Expression<object>,
  wanted: MetadataFilter,
): Expression<SqlBool> {
  // SQL as text: the builder has no word for documents that contain others.
  return sql<SqlBool>`${metadata} @> ${JSON.stringify(wanted)}::jsonb`;
}

/** What has all words, or others that begin like them. */
export function withWords(words: readonly string[]): Wanted {
  return [...new Set(words.map(wordBeginning))].map((beginning) => [beginning]);
}

export function withMetadata(kind: MetadataKind, metadata: MetadataFilter): Wanted {
  return Object.entries(metadata).map(([key, value]) => [metadataToken(kind, key, value)]);
}

export function byActor(actor: string): Wanted {
  return [[actorToken(actor)]];
}

export function inCurrency(currency: string): Wanted {
  return ofPostings([[KINDS.currency + currency]]);
}

/** What posts to one of some accounts, or did to one of a group. */
export function toAccounts(accountNos: readonly number[], group?: string): Wanted {
  const tokens = accountNos.map((accountNo) => `${KINDS.account}${accountNo}`);
  return ofPostings([group === undefined ? tokens : [KINDS.group + group, ...tokens]]);
}

/** Tokens of a range; with more of them, it is made of longer stretches, which have others too. */
const MOST_STRETCHES = 24;

/** Amounts between two, both included, as far as their tokens say. */
export function withAmounts(from: string | undefined, to: string | undefined): Wanted {
  return ofPostings(amountsBetween(from, to));
}

/** What is asked of postings may be so of any transaction that has many. */
function ofPostings(wanted: Wanted): Wanted {
  return wanted.map((tokens) => (tokens.length === 0 ? tokens : [...tokens, KINDS.many]));
}

function amountsBetween(from: string | undefined, to: string | undefined): Wanted {
  const least = digitsOf(from ?? '0');
  if (to === undefined) {
    return [[...digitsBetween(least.whole, least.digits, HIGHEST), sizeToken(least.whole + 1)]];
  }
  const most = digitsOf(to);
  if (least.whole > most.whole) return [[]];
  if (least.whole === most.whole) {
    return [digitsBetween(least.whole, least.digits, most.digits)];
  }
  const between = Array.from({ length: most.whole - least.whole - 1 }, (_, i) =>
    amountToken(least.whole + 1 + i, ''),
  );
  const first = digitsBetween(least.whole, least.digits, HIGHEST);
  const last = digitsBetween(most.whole, LOWEST, most.digits);
  return [[...first, ...between, ...last]];
}

const [LOWEST, HIGHEST] = ['0'.repeat(AMOUNT_DIGITS), '9'.repeat(AMOUNT_DIGITS)];
const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** Amounts of some digits before the point, by the first of all their digits. */
function digitsBetween(whole: number, from: string, to: string): string[] {
  const lengths = Array.from({ length: AMOUNT_DIGITS }, (_, i) => i + 1);
  return stretchesOf(
    { lengths, namesOf: () => DIGITS, least: LOWEST, most: HIGHEST },
    from,
    to,
  ).map((digits) => amountToken(whole, digits));
}

/** Effective dates between two, both included, as far as their tokens say. */
export function onDates(from = FIRST_DAY, to = LAST_DAY): Wanted {
  const plain = (date: string) => date.replaceAll('-', '');
  return [stretchesOf(CALENDAR, plain(from), plain(to)).map(dateToken)];
}

/** Nothing is dated outside of these. */
const [FIRST_DAY, LAST_DAY] = ['1900-01-01', '2299-12-31'];
const CENTURIES = ['19', '20', '21', '22'];
const numbers = (count: number) =>
  Array.from({ length: count }, (_, i) => String(1 + i).padStart(2, '0'));
/** What is said of a stretch of days behind its name's beginning, by how long it is then. */
const NAMES: Record<number, readonly string[]> = { 2: CENTURIES, 6: numbers(12), 8: numbers(31) };

/** Texts of one length, whose beginnings of some lengths name stretches of them. */
interface Scale {
  readonly lengths: readonly number[];
  /** How names of a length may go on behind the one that is shorter. */
  readonly namesOf: (length: number) => readonly string[];
  /** The least text and the largest: what a name is completed with. */
  readonly least: string;
  readonly most: string;
}

/** Every month has 31 days here: those that do not exist are no transaction's. */
const CALENDAR: Scale = {
  lengths: DATE_LENGTHS,
  namesOf: (length) => NAMES[length] ?? DIGITS,
  least: '00000101',
  most: '99991231',
};

/**
 * The longest stretches that have all of a range, both ends included. The finest that are few
 * enough may have what is outside of it.
 */
function stretchesOf(scale: Scale, from: string, to: string): string[] {
  for (let finest = scale.lengths.length - 1; finest > 0; finest--) {
    const stretches = below('', 0, { ...scale, finest }, from, to);
    if (stretches.length <= MOST_STRETCHES) return stretches;
  }
  return below('', 0, { ...scale, finest: 0 }, from, to);
}

function below(
  parent: string,
  level: number,
  scale: Scale & { readonly finest: number },
  from: string,
  to: string,
): string[] {
  const length = scale.lengths[level]!;
  return scale.namesOf(length).flatMap((name) => {
    const stretch = parent + name;
    if (stretch < from.slice(0, length) || stretch > to.slice(0, length)) return [];
    const isInside =
      stretch + scale.least.slice(length) >= from && stretch + scale.most.slice(length) <= to;
    if (isInside || level === scale.finest) return [stretch];
    return below(stretch, level + 1, scale, from, to);
  });
}
