import { OpenAccount, type OpenAccountInput } from '../../src/books/accounts/account.creators';
import { readAccount } from '../../src/books/accounts/account.queries';
import { accountView } from '../../src/books/accounts/account.view';
import type { PostTransactionInput } from '../../src/books/transactions/transaction.rules';
import type { TestLedger } from './ledger';
import type { AccountDto } from '../../src/books/accounts/account.dto';

/** Opens an account with what the spec does not care about filled in. */
export function openAccount(
  ledger: TestLedger,
  input: Partial<OpenAccountInput> = {},
): Promise<AccountDto> {
  const defaults = { name: 'An account', type: 'asset', currency: 'USD' } as const;
  return ledger.accept(OpenAccount, { ...defaults, ...input });
}

/** A transaction that debits one account and credits another. */
export function transfer(
  debit: Pick<AccountDto, 'id'>,
  credit: Pick<AccountDto, 'id'>,
  amount: string,
  rest: Partial<PostTransactionInput> = {},
): PostTransactionInput {
  return {
    description: 'A transfer',
    postings: [
      { accountId: debit.id, direction: 'debit', amount },
      { accountId: credit.id, direction: 'credit', amount },
    ],
    ...rest,
  };
}

/** The account as the state has it. */
export async function currentAccount(ledger: TestLedger, id: string): Promise<AccountDto> {
  const { value } = await ledger.open.stateReader.readOne((db) => readAccount(db, id));
  if (!value) throw new Error(`There is no account ${id}`);
  return accountView(value);
}
