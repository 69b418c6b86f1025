import type { AccountType } from '../accounts/account.events';

/** A currency as accounts have it. */
export interface JournalCurrency {
  readonly code: string;
  /** Decimal digits of its amounts. */
  readonly digits: number;
}

/** An account as it was at the journal's position. */
export interface JournalAccount {
  /** Position of the event that opened it: no other account has the same. */
  readonly no: number;
  readonly id: string;
  readonly clientId: string | null;
  readonly name: string;
  readonly group: string | null;
  readonly type: AccountType;
  readonly currency: JournalCurrency;
}

export type DeclaredAccount = JournalAccount & {
  readonly metadata: Readonly<Record<string, string>>;
};

export interface JournalPosting {
  readonly account: JournalAccount;
  /** Minor units; a credit is negative, whatever the account's type. */
  readonly amount: bigint;
}

/** What an event says of the transaction that it posted. */
export interface JournalEvent {
  readonly position: number;
  readonly id: string;
  readonly clientId: string | null;
  readonly recordedAt: string;
  /** The transaction that it takes back. */
  readonly reverses: string | null;
  /** The fact that it is part of: its type and its id. */
  readonly source: string | null;
  /** The hold that it captures. */
  readonly holdId: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A transaction without its postings. */
export interface JournalHead {
  /** The effective date. */
  readonly date: string;
  readonly description: string;
  /** undefined: opening balances, which no event posted. */
  readonly event: JournalEvent | undefined;
}

/** Which part of the books a journal has. */
export interface JournalOf {
  /** Effective dates, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The last event that counts. */
  readonly position: number;
}

/**
 * Writes a journal for a program. All methods return text; a journal is what they return in the
 * order in which they stand here, and may be as long as it likes.
 */
export interface JournalFormat {
  readonly contentType: 'text/plain' | 'text/csv';
  /** Ends the name of a file. */
  readonly extension: string;
  /** @param firstDay no day of the journal is before it */
  begin(of: JournalOf, firstDay: string): string;
  currency(currency: JournalCurrency): string;
  account(account: DeclaredAccount): string;
  head(head: JournalHead): string;
  postings(postings: readonly JournalPosting[], head: JournalHead): string;
  /**
   * What {@link postings} left to be written behind all postings of the transaction; mostly
   * nothing.
   */
  rest(postings: readonly JournalPosting[]): string;
  /** The last line, without which a journal is not whole. */
  end(of: JournalOf, transactions: number): string;
}
