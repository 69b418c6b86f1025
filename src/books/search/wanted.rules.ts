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
  return [[KINDS.currency + currency]];
}

/** What posts to one of some accounts, or did to one of a group. */
export function toAccounts(accountNos: readonly number[], group?: string): Wanted {
  const tokens = accountNos.map((accountNo) => `${KINDS.account}${accountNo}`);
  return [group === undefined ? tokens : [KINDS.group + group, ...tokens]];
}

/** Tokens of a range of amounts; some of those that have them are outside of it. */
const MOST_AMOUNTS = 10;

/** Amounts between two, both included, as far as their tokens say. */
export function withAmounts(from: string | undefined, to: string | undefined): Wanted {
  const least = digitsOf(from ?? '0');
  const leading = (digits: string, length: number) => Number(digits.slice(0, length));
  const first = leading(least.digits, 1);
  if (to === undefined) {
    return [[...digitsFrom(least.whole, first, 9), sizeToken(least.whole + 1)]];
  }
  const most = digitsOf(to);
  if (least.whole > most.whole) return [[]];
  if (least.whole < most.whole) {
    const between = Array.from({ length: most.whole - least.whole - 1 }, (_, i) =>
      amountToken(least.whole + 1 + i, ''),
    );
    const last = digitsFrom(most.whole, 1, leading(most.digits, 1));
    return [[...digitsFrom(least.whole, first, 9), ...between, ...last]];
  }
  for (let length = AMOUNT_DIGITS; ; length--) {
    const [begin, end] = [leading(least.digits, length), leading(most.digits, length)];
    if (end - begin < MOST_AMOUNTS) {
      const count = Math.max(0, end - begin + 1);
      return [
        Array.from({ length: count }, (_, i) =>
          amountToken(least.whole, String(begin + i).padStart(length, '0')),
        ),
      ];
    }
  }
}

function digitsFrom(whole: number, first: number, last: number): string[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    amountToken(whole, String(first + i)),
  );
}

/** Tokens of a range of days; with more of them, it is made of longer stretches. */
const MOST_DATES = 24;
/** Nothing is dated outside of these. */
const [FIRST_DAY, LAST_DAY] = ['1900-01-01', '2299-12-31'];

/** Effective dates between two, both included, as far as their tokens say. */
export function onDates(from = FIRST_DAY, to = LAST_DAY): Wanted {
  for (let finest = DATE_LENGTHS.length - 1; finest > 0; finest--) {
    const stretches = stretchesOf('', 0, finest, from, to);
    if (stretches.length <= MOST_DATES) return [stretches.map(dateToken)];
  }
  return [];
}

/** The longest stretches that have all days of a range; the finest ones may have others too. */
function stretchesOf(
  parent: string,
  level: number,
  finest: number,
  from: string,
  to: string,
): string[] {
  return childrenOf(parent, level).flatMap((stretch) => {
    const { length } = stretch;
    if (stretch < from.slice(0, length) || stretch > to.slice(0, length)) return [];
    const isInside = firstDay(stretch) >= from && lastDay(stretch) <= to;
    if (isInside || level === finest) return [stretch];
    return stretchesOf(stretch, level + 1, finest, from, to);
  });
}

/** The stretches of one level that another of the level above has: its name is their beginning. */
function childrenOf(parent: string, level: number): string[] {
  const numbers = (count: number) =>
    Array.from({ length: count }, (_, i) => String(1 + i).padStart(2, '0'));
  switch (DATE_LENGTHS[level]) {
    case 2:
      return ['19', '20', '21', '22'];
    case 6:
      return numbers(12).map((month) => `${parent}-${month}`);
    case 8:
      return numbers(31).map((day) => `${parent}-${day}`);
    default:
      return Array.from({ length: 10 }, (_, digit) => parent + digit);
  }
}

function firstDay(stretch: string): string {
  return stretch + FIRST_DAY.replace('1900', '0000').slice(stretch.length);
}

/** Every month ends on the 31st here: days that do not exist are none's. */
function lastDay(stretch: string): string {
  return stretch + '9999-12-31'.slice(stretch.length);
}
