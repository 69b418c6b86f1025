import type { StateSession } from '../../engine/define/state-session';
import type { AccountRow } from './account.table';
import { entryMarks, lateEntries, lateSums, MARKED_VERSIONS } from './dated-entries.table';

/** What an account has to know of its entries' dates to tell which one comes late. */
export type Dating = Pick<
  AccountRow,
  'latest_date' | 'late_debits' | 'late_credits' | 'marked_version'
>;

/** An entry that is posted to an account; money in minor units. */
interface DatedEntry {
  readonly position: number;
  readonly ordinal: number;
  /** The account's version after it. */
  readonly version: number;
  readonly date: string;
  readonly isDebit: boolean;
  readonly amount: bigint;
}

/**
 * Keeps what balances by effective date are found by. Most entries are of the latest day that the
 * account has entries of, or of a later one: their running totals say what the account had on a
 * day. What comes late, for a day before that, has a row more and is added up by day.
 * @returns what the account has to know from here on, where that changes
 */
export function followDates(
  state: Pick<StateSession, 'append' | 'add'>,
  account: AccountRow,
  { position, ordinal, version, date, isDebit, amount }: DatedEntry,
): Partial<Dating> {
  const { account_no, latest_date: latest } = account;
  if (latest !== null && latest > date) {
    const [debit, credit] = isDebit ? [amount, 0n] : [0n, amount];
    const late = {
      late_debits: account.late_debits + debit,
      late_credits: account.late_credits + credit,
    };
    state.append(lateEntries, {
      ...{
        account_no,
        position,
        effective_date: date,
        ordinal,
        behind_date: latest,
        debit,
        credit,
      },
      ...{ debits_after: late.late_debits, credits_after: late.late_credits },
    });
    state.add(lateSums, {
      ...{ account_no, effective_date: date, debits: debit, credits: credit },
      last_position: position,
    });
    return late;
  }
  if (version - account.marked_version < MARKED_VERSIONS) return { latest_date: date };
  state.append(entryMarks, {
    ...{ account_no, effective_date: date, position, account_version: version },
  });
  return { latest_date: date, marked_version: version };
}
