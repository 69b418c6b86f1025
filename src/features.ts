import { accountFeature } from './books/accounts/account.feature';
import { amendmentFeature } from './proof/amendments/amendment.feature';
import type { Adapters } from './outside/adapters/adapters';
import { companyFeature } from './books/companies/company.feature';
import { companyTaskHandlers } from './books/companies/company.tasks';
import type { Feature } from './engine/define/registry';
import type { StateReader } from './engine/session/state-reader';
import type { TaskHandler } from './outside/tasks/task-handler';
import { webhookTaskHandlers } from './outside/webhooks/webhook.tasks';
import { interestFeature } from './books/interest/interest.feature';
import { orderFeature } from './books/orders/order.feature';
import { orderTaskHandlers } from './books/orders/order.tasks';
import { transactionFeature } from './books/transactions/transaction.feature';
import { webhookFeature } from './outside/webhooks/webhook.feature';

/** Every feature of the program. */
export const features: readonly Feature[] = [
  accountFeature,
  transactionFeature,
  companyFeature,
  orderFeature,
  interestFeature,
  webhookFeature,
  amendmentFeature,
];

/** What does the tasks of all features. */
export function taskHandlers(adapters: Adapters, stateReader: StateReader): readonly TaskHandler[] {
  return [
    ...companyTaskHandlers(adapters),
    ...orderTaskHandlers(adapters),
    ...webhookTaskHandlers(adapters, stateReader),
  ];
}
