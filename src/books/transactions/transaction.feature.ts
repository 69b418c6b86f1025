import { defineFeature } from '../../engine/define/feature';
import { PostTransactionBatch } from './batch.creator';
import { closedDays, lateTransactions } from './closed-days.table';
import { PostTransaction, ReverseTransaction } from './transaction.creators';
import { transactionSources } from './source.table';
import { TransactionPosted } from './transaction.events';
import { materializeTransactionPosted } from './transaction.materializers';
import { refuseUnbalanced } from './transaction.rules';
import { transactions } from './transaction.table';

export const transactionFeature = defineFeature({
  name: 'transactions',
  tables: [transactions, transactionSources, closedDays, lateTransactions],
  materializers: [materializeTransactionPosted],
  dataRules: [{ event: TransactionPosted, check: refuseUnbalanced }],
  creators: [PostTransaction, ReverseTransaction, PostTransactionBatch],
  problems: {
    future_effective_date: { status: 422, title: 'The effective date is after today' },
    period_closed: { status: 422, title: 'The effective date is in a closed period' },
    reversal_before_original: { status: 422, title: 'A reversal is not before its original' },
    has_source: {
      status: 409,
      title: 'The transaction is part of a fact that is undone as a whole',
    },
    already_reversed: { status: 409, title: 'The transaction is reversed already' },
    unbalanced_transaction: { status: 422, title: 'Debits and credits differ' },
    account_not_found: { status: 422, title: 'There is no such account' },
    account_frozen: { status: 422, title: 'The side of the account is frozen' },
    account_version_mismatch: { status: 409, title: 'The account has another version by now' },
    account_closed: { status: 422, title: 'The account is closed' },
    insufficient_funds: { status: 422, title: 'The balance would fall below its minimum' },
    balance_limit_exceeded: { status: 422, title: 'The balance would rise above its maximum' },
    zero_amount: { status: 422, title: 'A posting has no amount' },
  },
  service: () => import('./transaction.service.js'),
});
