import { Module, type DynamicModule, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AccountController } from './books/accounts/account.controller';
import type { OpenRuns } from './proof/runs/open-runs';
import { ReplayController } from './proof/runs/replay.controller';
import { RunActions } from './proof/runs/run-actions';
import { RunFeed } from './proof/runs/run-feed';
import { VerificationController } from './proof/runs/verification.controller';
import { AmendmentController } from './proof/amendments/amendment.controller';
import { Amendments } from './proof/amendments/amendments';
import type { Adapters } from './outside/adapters/adapters';
import { CompanyController } from './books/companies/company.controller';
import { Config } from './config';
import { Ledger } from './engine/write/ledger';
import type { OpenLedger } from './engine/open-ledger';
import { Registry } from './engine/define/registry';
import { StateReader } from './engine/session/state-reader';
import type { ApiKeys } from './http/api-keys';
import type { Background } from './http/background';
import { Commands } from './http/commands';
import { Health } from './http/health';
import { HealthController } from './http/health.controller';
import { buildHttpApp } from './http/http-app';
import { Metrics, MetricsController } from './http/metrics';
import { Reads } from './http/reads';
import { InterestController } from './books/interest/interest.controller';
import { OrderController } from './books/orders/order.controller';
import { DiffController } from './proof/diff/diff.controller';
import { EventController } from './outside/events/event.controller';
import { EventFeed } from './outside/events/event.queries';
import { TaskController } from './outside/tasks/task.controller';
import { TaskFeed } from './outside/tasks/task-feed';
import { TrialBalanceController } from './books/reports/trial-balance.controller';
import type { OpenTasks } from './outside/tasks/open-tasks';
import { TaskActions } from './outside/tasks/task-actions';
import type { TaskDatabase } from './outside/tasks/task-database';
import { countTasks } from './outside/tasks/task.queries';
import { TransactionController } from './books/transactions/transaction.controller';
import { WebhookController } from './outside/webhooks/webhook.controller';
import { WebhookDeliveries } from './outside/webhooks/webhook.deliveries';
import { WebhookIntake } from './outside/webhooks/webhook.intake';

/** What the HTTP side stands on; whoever opened these parts closes them. */
export interface AppParts {
  readonly open: OpenLedger;
  readonly tasks: OpenTasks;
  readonly runs: OpenRuns;
  readonly adapters: Adapters;
  readonly config: Config;
  readonly keys: ApiKeys;
  readonly log: Logger;
}

const API: Type[] = [
  AccountController,
  TransactionController,
  CompanyController,
  InterestController,
  OrderController,
  TrialBalanceController,
  DiffController,
  EventController,
  TaskController,
  WebhookController,
  VerificationController,
  ReplayController,
  AmendmentController,
];

@Module({})
export class AppModule {
  /** A worker process answers for its health alone. */
  static of({ open, tasks, runs, adapters, config }: AppParts): DynamicModule {
    const { ledger, urls, registry, stateReader, logReader } = open;
    const taskReader =
      logReader.withTables<Pick<TaskDatabase, 'task_delivery' | 'task_dispatch'>>();
    const background: Background = {
      queue: tasks.queues,
      countTasks: () => countTasks(taskReader),
      adapters: () => adapters.status(),
      lastVerification: () => runs.feed.lastVerification(),
    };
    const health = new Health(ledger, stateReader, logReader, config.engine.queueLimit, background);
    const intake = new WebhookIntake(registry, adapters.seal, config.adapters.webhooks);
    return {
      module: AppModule,
      controllers: [...(config.role === 'worker' ? [] : API), HealthController, MetricsController],
      providers: [
        { provide: Config, useValue: config },
        { provide: TaskActions, useValue: tasks.actions },
        { provide: RunFeed, useValue: runs.feed },
        { provide: RunActions, useValue: runs.actions },
        { provide: Amendments, useValue: new Amendments({ urls, registry }, logReader) },
        { provide: Ledger, useValue: ledger },
        { provide: Registry, useValue: registry },
        { provide: StateReader, useValue: stateReader },
        { provide: Health, useValue: health },
        { provide: Metrics, useValue: new Metrics(ledger, background) },
        { provide: TaskFeed, useValue: new TaskFeed(taskReader) },
        { provide: EventFeed, useValue: new EventFeed(taskReader, registry) },
        { provide: WebhookIntake, useValue: intake },
        { provide: WebhookDeliveries, useValue: new WebhookDeliveries(tasks.db) },
        Commands,
        Reads,
      ],
    };
  }
}

/**
 * The configured application on an opened ledger: routes, validation, problems, authentication,
 * documentation. Ready for `listen` or `inject`.
 */
export function createApp(parts: AppParts): Promise<NestFastifyApplication> {
  return buildHttpApp(AppModule.of(parts), parts.keys, parts.log);
}
