import type { OpenAccountInput } from '../../../src/books/accounts/account.creators';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import type { CalculateInterestOwedInput } from '../../../src/books/interest/interest.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../../harness/books';
import { startTestLedger, type CommandOptions, type TestLedger } from '../../harness/ledger';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import type { TransactionDto } from '../../../src/books/transactions/transaction.dto';
import type { InterestAccrualsDto } from '../../../src/books/interest/interest.dto';

export type AccrualInput = Partial<CalculateInterestOwedInput> & { through: string };

/** A ledger with an account that pays interest, and short ways to use it. */
export class InterestBooks {
  constructor(
    readonly ledger: TestLedger,
    readonly cash: AccountDto,
    readonly expense: AccountDto,
  ) {}

  /** A liability account in the books' currency. */
  open(input: Partial<OpenAccountInput> = {}): Promise<AccountDto> {
    const { currency } = this.cash;
    return openAccount(this.ledger, { type: 'liability', name: 'Savings', currency, ...input });
  }

  /** Credits an account, or with a negative amount debits it. */
  post(account: AccountDto, amount: string, effectiveDate: string): Promise<TransactionDto> {
    const { ledger, cash } = this;
    const [debit, credit] = amount.startsWith('-') ? [account, cash] : [cash, account];
    const input = transfer(debit, credit, amount.replace('-', ''), { effectiveDate });
    return ledger.accept(PostTransaction, input);
  }

  /** An account with entries: `['100.00', '2026-01-01'], …`. */
  async openWith(...entries: [amount: string, effectiveDate: string][]): Promise<AccountDto> {
    const account = await this.open();
    for (const [amount, date] of entries) await this.post(account, amount, date);
    return account;
  }

  input(input: AccrualInput): CalculateInterestOwedInput {
    const terms = { annualRate: '0.0365', dayCount: 'actual/365' } as const;
    return { ...terms, expenseAccountId: this.expense.id, ...input };
  }

  accrue(input: AccrualInput, options?: CommandOptions): Promise<InterestAccrualsDto> {
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
