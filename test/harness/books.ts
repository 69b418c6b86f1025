import { OpenAccount, type OpenAccountInput } from '../../src/books/accounts/account.creators';
import type { AccountView } from '../../src/books/accounts/account.view';
import { readAccount } from '../../src/books/accounts/account.queries';
import { accountView } from '../../src/books/accounts/account.view';
import type { PostTransactionInput } from '../../src/books/transactions/transaction.rules';
import type { TestLedger } from './ledger';

/** Opens an account with what the spec does not care about filled in. */
export function openAccount(
  ledger: TestLedger,
  input: Partial<OpenAccountInput> = {},
): Promise<AccountView> {
  const defaults = { name: 'An account', type: 'asset', currency: 'USD' } as const;
  return ledger.accept(OpenAccount, { ...defaults, ...input });
}

/** A transaction that debits one account and credits another. */
export function transfer(
  debit: Pick<AccountView, 'id'>,
  credit: Pick<AccountView, 'id'>,
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
export async function currentAccount(ledger: TestLedger, id: string): Promise<AccountView> {
  const { value } = await ledger.open.stateReader.read((db) => readAccount(db, id));
  if (!value) throw new Error(`There is no account ${id}`);
  return accountView(value);
}
