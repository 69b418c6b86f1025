import { accountFeature } from './accounts/account.feature';
import { amendmentFeature } from './amendments/amendment.feature';
import type { Adapters } from './adapters/adapters';
import { companyFeature } from './companies/company.feature';
import { companyTaskHandlers } from './companies/company.tasks';
import type { Feature } from './engine/registry';
import type { StateReader } from './engine/state-reader';
import type { TaskHandler } from './tasks/task-handler';
import { webhookTaskHandlers } from './webhooks/webhook.tasks';
import { interestFeature } from './interest/interest.feature';
import { orderFeature } from './orders/order.feature';
import { orderTaskHandlers } from './orders/order.tasks';
import { transactionFeature } from './transactions/transaction.feature';
import { webhookFeature } from './webhooks/webhook.feature';

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
export function taskHandlers(
  adapters: Adapters,
  stateReader: StateReader<unknown>,
): readonly TaskHandler[] {
  return [
    ...companyTaskHandlers(adapters),
    ...orderTaskHandlers(adapters),
    ...webhookTaskHandlers(adapters, stateReader),
  ];
}
