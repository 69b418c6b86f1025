import type { OpenAccountInput } from '../../../src/books/accounts/account.creators';
import type { AccountView } from '../../../src/books/accounts/account.view';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import type { CalculateInterestOwedInput } from '../../../src/books/interest/interest.creators';
import type { InterestAccrualsView } from '../../../src/books/interest/interest.view';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import type { TransactionView } from '../../../src/books/transactions/transaction.view';
import { openAccount, transfer } from '../../harness/books';
import { startTestLedger, type CommandOptions, type TestLedger } from '../../harness/ledger';

export type AccrualInput = Partial<CalculateInterestOwedInput> & { through: string };

/** A ledger with an account that pays interest, and short ways to use it. */
export class InterestBooks {
  constructor(
    readonly ledger: TestLedger,
    readonly cash: AccountView,
    readonly expense: AccountView,
  ) {}

  /** A liability account in the books' currency. */
  open(input: Partial<OpenAccountInput> = {}): Promise<AccountView> {
    const { currency } = this.cash;
    return openAccount(this.ledger, { type: 'liability', name: 'Savings', currency, ...input });
  }

  /** Credits an account, or with a negative amount debits it. */
  post(account: AccountView, amount: string, effectiveDate: string): Promise<TransactionView> {
    const { ledger, cash } = this;
    const [debit, credit] = amount.startsWith('-') ? [account, cash] : [cash, account];
    const input = transfer(debit, credit, amount.replace('-', ''), { effectiveDate });
    return ledger.accept(PostTransaction, input);
  }

  /** An account with entries: `['100.00', '2026-01-01'], …`. */
  async openWith(...entries: [amount: string, effectiveDate: string][]): Promise<AccountView> {
    const account = await this.open();
    for (const [amount, date] of entries) await this.post(account, amount, date);
    return account;
  }

  input(input: AccrualInput): CalculateInterestOwedInput {
    const terms = { annualRate: '0.0365', dayCount: 'actual/365' } as const;
    return { ...terms, expenseAccountId: this.expense.id, ...input };
  }

  accrue(input: AccrualInput, options?: CommandOptions): Promise<InterestAccrualsView> {
    return this.ledger.accept(CalculateInterestOwed, this.input(input), options);
  }

  async refusal(input: AccrualInput): Promise<{ code: string; accountId: string | undefined }> {
    const refusal = await this.ledger.refuse(CalculateInterestOwed, this.input(input));
    return { code: refusal.code, accountId: refusal.details.accountId };
  }
}

export async function startInterestBooks(currency = 'USD'): Promise<InterestBooks> {
  const ledger = await startTestLedger();
  const cash = await openAccount(ledger, { currency });
  const expense = await openAccount(ledger, { type: 'expense', clientId: 'interest', currency });
  return new InterestBooks(ledger, cash, expense);
}
