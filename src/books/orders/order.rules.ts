import assert from 'node:assert';
import { findAccount } from '../accounts/account.queries';
import type { AccountRow } from '../accounts/account.table';
import { normalSide } from '../accounts/account.view';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import type { StateSession } from '../../engine/define/state-session';
import { AMOUNT_PATTERN, readAmount } from '../../money/amount';
import type { CurrencyDigits } from '../../money/currency';
import type { TransactionInput } from '../transactions/transaction.rules';
import type { OrderSide } from './order.events';

/** Digits that a quantity may have before the point, and behind it. */
export const QUANTITY_DIGITS = 18;

/**
 * A positive quantity as it is kept: without zeros at its end, so that equal ones are equal texts.
 * @returns undefined for what is no positive decimal string of that size
 */
export function normalQuantity(text: string): string | undefined {
  if (text.length > 2 * QUANTITY_DIGITS + 1 || !AMOUNT_PATTERN.test(text)) return undefined;
  const [whole, decimals = ''] = text.split('.');
  if (whole!.length > QUANTITY_DIGITS || decimals.length > QUANTITY_DIGITS) return undefined;
  const rest = decimals.replace(/0+$/, '');
  if (whole === '0' && rest === '') return undefined;
  return rest === '' ? whole : `${whole}.${rest}`;
}

/** What an order settles with, in minor units; the fee may be zero. */
export interface Settlement {
  readonly side: OrderSide;
  readonly executed: bigint;
  readonly fee: bigint;
  readonly cash: Pick<AccountRow, 'account_id' | 'type'>;
  readonly settlementAccountId: string;
  /** Where the fee goes; null where there is none. */
  readonly feeAccountId: string | null;
}

/**
 * The postings of a settlement. The cash account decides the sides: its balance, whatever its
 * type, falls by amount and fee on a buy, and rises by amount less fee on a sale. So with N for
 * its normal side (debit for assets and expenses) and O for the other:
 *
 *     buy    cash O amount + fee    settlement N amount    fee account N fee
 *     sell   cash N amount − fee    settlement O amount    fee account N fee
 *
 * Either way both sides are equal, whatever the types of the other two accounts. A sale whose fee
 * takes all has no posting to the cash account.
 * @returns the postings, and what the cash account pays or is paid, in minor units
 */
export function settlementPostings(settlement: Settlement): {
  postings: TransactionInput['postings'];
  cashAmount: bigint;
} {
  const { side, executed, fee, cash, settlementAccountId, feeAccountId } = settlement;
  const grows = normalSide(cash.type);
  const falls = grows === 'debit' ? 'credit' : 'debit';
  const isBuy = side === 'buy';
  const cashAmount = isBuy ? executed + fee : executed - fee;
  assert(cashAmount >= 0n, 'A fee above the proceeds was let through');
  const postings: TransactionInput['postings'] = [];
  if (cashAmount > 0n) {
    const direction = isBuy ? falls : grows;
    postings.push({ accountId: cash.account_id, direction, amount: cashAmount });
  }
  const direction = isBuy ? grows : falls;
  postings.push({ accountId: settlementAccountId, direction, amount: executed });
  if (fee > 0n) {
    assert(feeAccountId !== null, 'A fee without an account was let through');
    postings.push({ accountId: feeAccountId, direction: grows, amount: fee });
  }
  return { postings, cashAmount };
}

/**
 * The account that a field of a request names.
 * @throws Refusal `account_not_found`, `account_closed`, pointing at the field
 */
export async function openAccountIn(
  state: StateSession,
  field: string,
  accountId: string,
): Promise<AccountRow> {
  const account = await findAccount(state, accountId);
  if (!account) {
    throw new Refusal('account_not_found', `${field}: there is no account ${accountId}`, {
      accountId,
      errors: [{ pointer: `/${field}`, message: 'names no account' }],
    });
  }
  const id = account.account_id;
  if (account.closed_position !== null) {
    throw new Refusal('account_closed', `${field}: account ${id} is closed`, {
      accountId: id,
      errors: [{ pointer: `/${field}`, message: 'names an account that is closed' }],
    });
  }
  return account;
}

/** @throws Refusal `currency_mismatch`, pointing at the field of the second account */
export function checkSameCurrency(cash: AccountRow, field: string, other: AccountRow): void {
  if (other.currency === cash.currency) return;
  const difference = `is in ${other.currency}, the cash account in ${cash.currency}`;
  throw new Refusal('currency_mismatch', `${field}: account ${other.account_id} ${difference}`, {
    accountId: other.account_id,
    errors: [{ pointer: `/${field}`, message: difference }],
  });
}

/** Reads amounts of a currency; what does not fit it is collected. Minor units. */
export class AmountReader {
  private readonly errors: FieldError[] = [];

  constructor(private readonly of: CurrencyDigits) {}

  /** undefined for what is absent or does not fit. */
  read(field: string, text: string | undefined): bigint | undefined {
    if (text === undefined) return undefined;
    const minor = readAmount(text, this.of);
    if (typeof minor === 'bigint') return minor;
    this.errors.push({ pointer: `/${field}`, message: minor });
    return undefined;
  }

  /** @throws Refusal `validation_failed` naming every field that did not fit */
  check(): void {
    if (this.errors.length > 0) throw invalidOrder(...this.errors);
  }
}

/** A refusal for what is wrong with the request itself. */
export function invalidOrder(...errors: FieldError[]): Refusal {
  return new Refusal('validation_failed', 'The request is not valid', { errors });
}
