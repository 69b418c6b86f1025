import { Module, type DynamicModule, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AccountController } from './accounts/account.controller';
import type { OpenRuns } from './admin/open-runs';
import { ReplayController } from './admin/replay.controller';
import { RunActions } from './admin/run-actions';
import { RunFeed } from './admin/run-feed';
import { VerificationController } from './admin/verification.controller';
import { AmendmentController } from './amendments/amendment.controller';
import { Amendments } from './amendments/amendments';
import type { Adapters } from './adapters/adapters';
import { CompanyController } from './companies/company.controller';
import { Config } from './config';
import { Ledger } from './engine/ledger';
import type { OpenLedger } from './engine/open-ledger';
import { Registry } from './engine/registry';
import { StateReader } from './engine/state-reader';
import type { ApiKeys } from './http/api-keys';
import type { Background } from './http/background';
import { Commands } from './http/commands';
import { Health } from './http/health';
import { HealthController } from './http/health.controller';
import { buildHttpApp } from './http/http-app';
import { Metrics, MetricsController } from './http/metrics';
import { Reads } from './http/reads';
import { InterestController } from './interest/interest.controller';
import { OrderController } from './orders/order.controller';
import { DiffController } from './reports/diff.controller';
import { EventController } from './reports/event.controller';
import { EventFeed } from './reports/event.queries';
import { TaskController } from './reports/task.controller';
import { TaskFeed } from './reports/task.queries';
import { TrialBalanceController } from './reports/trial-balance.controller';
import type { OpenTasks } from './tasks/open-tasks';
import { TaskActions } from './tasks/task-actions';
import type { TaskDatabase } from './tasks/task-database';
import { countTasks } from './tasks/task.queries';
import { TransactionController } from './transactions/transaction.controller';
import { WebhookController } from './webhooks/webhook.controller';
import { WebhookDeliveries } from './webhooks/webhook.deliveries';
import { WebhookIntake } from './webhooks/webhook.intake';

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
    const health = new Health(ledger, stateReader, logReader, config, background);
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
        { provide: EventFeed, useValue: new EventFeed(logReader, registry) },
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
