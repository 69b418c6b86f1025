import { defineEvent } from '../../engine/define/event';
import type {
  Amount,
  CalendarDate,
  CurrencyCode,
  Sha256,
  Uuid,
  WholePosition,
} from '../../engine/define/event-fields';

/** What the trial balance of one currency adds up to on both sides. */
export interface SealedCurrency {
  currency: CurrencyCode;
  totalCredit: Amount;
  totalDebit: Amount;
}

// In both of these the keys stand in the order of the canonical form: see canonicalJson.

/** Nothing takes effect until `through` any more, and the trial balance of then is as it says. */
export interface PeriodClosedData {
  closeId: Uuid;
  /** Every currency that accounts had, in order. */
  currencies: SealedCurrency[];
  /** Of the trial balance as of `through`: see seal.ts. */
  digest: Sha256;
  /** Of the event before this one. */
  hash: Sha256;
  /** Of the event before this one: what the trial balance counts. */
  position: WholePosition;
  through: CalendarDate;
  /** What carried income and expense to equity, in the order in which it was posted. */
  transactionIds: Uuid[];
}
export const PeriodClosed = defineEvent<PeriodClosedData>('PeriodClosed');

/** The last closed period is open again; the one before it is the last. */
export interface PeriodReopenedData {
  closeId: Uuid;
  reason: string;
  /** What takes its closing transactions back; posted behind this event. */
  transactionIds: Uuid[];
}
export const PeriodReopened = defineEvent<PeriodReopenedData>('PeriodReopened');
