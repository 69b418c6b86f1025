import { defineFeature } from '../../engine/define/feature';
import { refuseUnbalanced } from '../transactions/transaction.rules';
import {
  CancelScheduledTransaction,
  PostScheduledTransaction,
  PostScheduledTransactions,
  ScheduleTransaction,
} from './schedule.creators';
import { TransactionScheduled } from './schedule.events';
import {
  materializeScheduledTransactionCancelled,
  materializeScheduledTransactionPosted,
  materializeScheduledTransactionRefused,
  materializeTransactionScheduled,
} from './schedule.materializers';
import { scheduledAccounts, scheduledRuns, scheduledTransactions } from './schedule.table';

export const scheduleFeature = defineFeature({
  name: 'schedules',
  tables: [scheduledTransactions, scheduledAccounts, scheduledRuns],
  materializers: [
    materializeTransactionScheduled,
    materializeScheduledTransactionPosted,
    materializeScheduledTransactionRefused,
    materializeScheduledTransactionCancelled,
  ],
  dataRules: [{ event: TransactionScheduled, check: refuseUnbalanced }],
  creators: [
    ScheduleTransaction,
    CancelScheduledTransaction,
    PostScheduledTransactions,
    PostScheduledTransaction,
  ],
  problems: {
    scheduled_transaction_not_open: {
      status: 409,
      title: 'The scheduled transaction is posted no more',
    },
  },
  service: () => import('./schedule.service.js'),
});
