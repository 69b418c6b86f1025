import type { OpenAccountInput } from '../../../src/books/accounts/account.creators';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import type { CalculateInterestOwedInput } from '../../../src/books/interest/interest.creators';
import { readAccrual } from '../../../src/books/interest/accrual.queries';
import { accrualView } from '../../../src/books/interest/interest.view';
import { ReverseInterestAccrual } from '../../../src/books/interest/reverse.creator';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../../harness/books';
import { startTestLedger, type CommandOptions, type TestLedger } from '../../harness/ledger';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import type { TransactionDto } from '../../../src/books/transactions/transaction.dto';
import type {
  InterestAccrualDto,
  ReversedAccrualDto,
} from '../../../src/books/interest/interest.dto';

export type AccrualInput = Partial<CalculateInterestOwedInput> & { through: string };

/** A ledger with an account that pays interest, and short ways to use it. */
export class InterestBooks {
  private readonly opened: AccountDto[] = [];

  constructor(
    readonly ledger: TestLedger,
    readonly cash: AccountDto,
    readonly expense: AccountDto,
  ) {}

  /** A liability account in the books' currency. */
  async open(input: Partial<OpenAccountInput> = {}): Promise<AccountDto> {
    const { currency } = this.cash;
    const defaults = { type: 'liability', name: 'Savings', currency } as const;
    const account = await openAccount(this.ledger, { ...defaults, ...input });
    this.opened.push(account);
    return account;
  }

  /** Raises an account's balance, or with a negative amount lowers it. */
  post(account: AccountDto, amount: string, effectiveDate: string): Promise<TransactionDto> {
    const { ledger, cash } = this;
    const isRaised = amount.startsWith('-') !== (account.normalSide === 'credit');
    const [debit, credit] = isRaised ? [cash, account] : [account, cash];
    const input = transfer(debit, credit, amount.replace('-', ''), { effectiveDate });
    return ledger.accept(PostTransaction, input);
  }

  /** An account with entries: `['100.00', '2026-01-01'], …`. */
  async openWith(...entries: [amount: string, effectiveDate: string][]): Promise<AccountDto> {
    const account = await this.open();
    for (const [amount, date] of entries) await this.post(account, amount, date);
    return account;
  }

  /** By default of all accounts that were opened here. */
  input(input: AccrualInput): CalculateInterestOwedInput {
    const terms = { annualRate: '0.0365', dayCount: 'actual/365' } as const;
    const accountIds = this.opened.map((account) => account.id);
    return { ...terms, accountIds, expenseAccountId: this.expense.id, ...input };
  }

  accrue(input: AccrualInput, options?: CommandOptions): Promise<InterestAccrualDto> {
    return this.ledger.accept(CalculateInterestOwed, this.input(input), options);
  }

  async refusal(input: AccrualInput): Promise<{ code: string; accountId: string | undefined }> {
    const refusal = await this.ledger.refuse(CalculateInterestOwed, this.input(input));
    return { code: refusal.code, accountId: refusal.details.accountId };
  }

  /** What the API answers of an accrual. */
  async accrualOf(id: string): Promise<InterestAccrualDto | undefined> {
    const { value } = await this.ledger.open.stateReader.read((db) => readAccrual(db, id));
    return value && accrualView(value);
  }

  reverse(accrual: InterestAccrualDto, reason = 'A mistake'): Promise<ReversedAccrualDto> {
    return this.ledger.accept(ReverseInterestAccrual, { accrualId: accrual.id!, reason });
  }

  async reverseRefusal(accrual: InterestAccrualDto): Promise<string> {
    const input = { accrualId: accrual.id!, reason: 'A mistake' };
    return (await this.ledger.refuse(ReverseInterestAccrual, input)).code;
  }
}

export async function startInterestBooks(
  currency = 'USD',
  options?: Parameters<typeof startTestLedger>[0],
): Promise<InterestBooks> {
  const ledger = await startTestLedger(options);
  const cash = await openAccount(ledger, { currency });
  const expense = await openAccount(ledger, { type: 'expense', clientId: 'interest', currency });
  return new InterestBooks(ledger, cash, expense);
}
