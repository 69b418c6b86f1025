import * as createState from './0001-create-state';
import * as createAccounts from './0002-create-accounts';
import * as createTransactions from './0003-create-transactions';

/** The migrations of the state database in order; frozen once released. */
export const stateMigrations = {
  '0001-create-state': createState,
  '0002-create-accounts': createAccounts,
  '0003-create-transactions': createTransactions,
};
