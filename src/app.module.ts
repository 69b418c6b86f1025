import { Module, type DynamicModule, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AccountController } from './accounts/account.controller';
import { Config } from './config';
import { Ledger } from './engine/ledger';
import type { OpenLedger } from './engine/open-ledger';
import { Registry } from './engine/registry';
import { StateReader } from './engine/state-reader';
import type { ApiKeys } from './http/api-keys';
import { Commands } from './http/commands';
import { Health } from './http/health';
import { HealthController } from './http/health.controller';
import { buildHttpApp } from './http/http-app';
import { Metrics, MetricsController } from './http/metrics';
import { Reads } from './http/reads';
import { EventController } from './reports/event.controller';
import { EventFeed } from './reports/event.queries';
import { TrialBalanceController } from './reports/trial-balance.controller';
import { TransactionController } from './transactions/transaction.controller';

/** What the HTTP side stands on; whoever opened these parts closes them. */
export interface AppParts {
  readonly open: OpenLedger;
  readonly config: Config;
  readonly keys: ApiKeys;
  readonly log: Logger;
}

const API: Type[] = [
  AccountController,
  TransactionController,
  TrialBalanceController,
  EventController,
];

@Module({})
export class AppModule {
  /** A worker process answers for its health alone. */
  static of({ open, config }: AppParts): DynamicModule {
    const { ledger, registry, stateReader, logReader } = open;
    return {
      module: AppModule,
      controllers: [...(config.role === 'worker' ? [] : API), HealthController, MetricsController],
      providers: [
        { provide: Config, useValue: config },
        { provide: Ledger, useValue: ledger },
        { provide: Registry, useValue: registry },
        { provide: StateReader, useValue: stateReader },
        { provide: Health, useValue: new Health(ledger, stateReader, logReader, config) },
        { provide: EventFeed, useValue: new EventFeed(logReader, registry) },
        Commands,
        Reads,
        Metrics,
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
