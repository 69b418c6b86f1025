import type { StateSession } from '../../engine/define/state-session';
import type { AccountRow } from './account.table';
import { entryMarks, lateSums, MARKED_VERSIONS } from './dated-entries.table';

/** What an account has to know of its entries' dates to tell which one comes late. */
export type Dating = Pick<
  AccountRow,
  'latest_date' | 'late_debits' | 'late_credits' | 'marked_version'
>;

/** An entry that is posted to an account; money in minor units. */
interface DatedEntry {
  readonly position: number;
  /** The account's version after it. */
  readonly version: number;
  readonly date: string;
  readonly debit: bigint;
  readonly credit: bigint;
}

/**
 * Keeps what balances by effective date are found by. Most entries are of the latest day that the
 * account has entries of, or of a later one: their running totals say what the account had on a
 * day. What comes late, for a day before that, is added up by day.
 * @returns what the account has to know from here on
 */
export function followDates(
  state: Pick<StateSession, 'append' | 'add'>,
  account: AccountRow,
  { position, version, date, debit, credit }: DatedEntry,
): Dating & { readonly latest_date: string } {
  const { account_no, latest_date: latest, late_debits, late_credits, marked_version } = account;
  const dating = { latest_date: date, late_debits, late_credits, marked_version };
  if (latest === date) return dating;
  if (latest !== null && latest > date) {
    state.add(lateSums, {
      account_no,
      effective_date: date,
      debits: debit,
      credits: credit,
      last_position: position,
    });
    return {
      ...dating,
      latest_date: latest,
      late_debits: late_debits + debit,
      late_credits: late_credits + credit,
    };
  }
  if (version - marked_version < MARKED_VERSIONS) return dating;
  state.append(entryMarks, {
    account_no,
    effective_date: date,
    position,
    account_version: version,
  });
  return { ...dating, marked_version: version };
}
