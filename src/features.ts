import { accountFeature } from './accounts/account.feature';
import type { Feature } from './engine/registry';
import { transactionFeature } from './transactions/transaction.feature';

/** Every feature of the program. */
export const features: readonly Feature[] = [accountFeature, transactionFeature];
