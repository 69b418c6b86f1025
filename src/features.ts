import { accountFeature } from './books/accounts/account.feature';
import { companyFeature } from './books/companies/company.feature';
import { currencyFeature } from './books/currencies/currency.feature';
import { exportFeature } from './books/exports/export.feature';
import { historyFeature } from './books/history/history.feature';
import { holdFeature } from './books/holds/hold.feature';
import { interestFeature } from './books/interest/interest.feature';
import { limitFeature } from './books/limits/limit.feature';
import { orderFeature } from './books/orders/order.feature';
import { periodFeature } from './books/periods/period.feature';
import { searchFeature } from './books/search/search.feature';
import { scheduleFeature } from './books/schedules/schedule.feature';
import { reportFeature } from './books/reports/report.feature';
import { transactionFeature } from './books/transactions/transaction.feature';
import type { Feature } from './engine/define/feature';
import { adapterFeature } from './outside/adapters/adapter.feature';
import { eventFeature } from './outside/events/event.feature';
import { taskFeature } from './outside/tasks/task.feature';
import { webhookFeature } from './outside/webhooks/webhook.feature';
import { amendmentFeature } from './proof/amendments/amendment.feature';
import { checkpointFeature } from './proof/checkpoints/checkpoint.feature';
import { diffFeature } from './proof/diff/diff.feature';
import { runFeature } from './proof/runs/run.feature';

/**
 * Every feature of the program, in the order of the documentation of the API. What they have
 * running starts in this order and stops in the opposite one: tasks use adapters to their end.
 */
export const features: readonly Feature[] = [
  accountFeature,
  currencyFeature,
  transactionFeature,
  holdFeature,
  scheduleFeature,
  limitFeature,
  companyFeature,
  interestFeature,
  orderFeature,
  periodFeature,
  historyFeature,
  reportFeature,
  searchFeature,
  exportFeature,
  diffFeature,
  eventFeature,
  adapterFeature,
  taskFeature,
  webhookFeature,
  checkpointFeature,
  runFeature,
  amendmentFeature,
];
