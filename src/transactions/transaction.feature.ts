import type { Feature } from '../engine/registry';
import { PostTransactionBatch } from './batch.creator';
import { PostTransaction, ReverseTransaction } from './transaction.creators';
import { materializeTransactionPosted } from './transaction.materializers';
import { entries, transactions } from './transaction.table';

export const transactionFeature: Feature = {
  tables: [transactions, entries],
  materializers: [materializeTransactionPosted],
  creators: [PostTransaction, ReverseTransaction, PostTransactionBatch],
};
