import type { Feature } from '../../engine/define/registry';
import { PostTransactionBatch } from './batch.creator';
import { PostTransaction, ReverseTransaction } from './transaction.creators';
import { TransactionPosted } from './transaction.events';
import { materializeTransactionPosted } from './transaction.materializers';
import { refuseUnbalanced } from './transaction.rules';
import { entries, transactions } from './transaction.table';

export const transactionFeature: Feature = {
  tables: [transactions, entries],
  materializers: [materializeTransactionPosted],
  dataRules: [{ event: TransactionPosted, check: refuseUnbalanced }],
  creators: [PostTransaction, ReverseTransaction, PostTransactionBatch],
};
