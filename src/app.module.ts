import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import type { Config } from './config';
import type { Feature, FeatureService } from './engine/define/feature';
import { Registry } from './engine/define/registry';
import type { OpenLedger } from './engine/open-ledger';
import { StateReader } from './engine/session/state-reader';
import { Ledger } from './engine/write/ledger';
import { AccessGuard } from './http/access.guard';
import { ApiKeys } from './http/api-keys';
import { Commands } from './http/commands';
import { Duties } from './http/duties';
import { featureModule } from './http/feature-module';
import { FeatureParts } from './http/feature-parts';
import { Health } from './http/health';
import { HealthController } from './http/health.controller';
import { buildHttpApp } from './http/http-app';
import { Metrics } from './http/metrics';
import { MetricsController } from './http/metrics.controller';
import { Problems } from './http/problems';
import { PdfAnswers } from './http/pdf';
import { Reads } from './http/reads';
import { checkRoutes } from './http/routes';
import {
  CALLERS_LOG,
  CONFIG,
  DATABASE_URLS,
  FEATURE_SERVICES,
  LOG_READER,
  STATE_READER,
  OPEN_LEDGER,
  SERVICE_LOG,
} from './http/service-tokens';

/** What a service stands on; whoever opened the ledger closes it, after the service. */
export interface AppParts {
  readonly open: OpenLedger;
  readonly features: readonly Feature[];
  readonly config: Config;
  readonly duties: Duties;
  readonly log: Logger;
}

/** What every process answers, whatever else it does. */
const OPERATION: Type[] = [HealthController, MetricsController];

/** What every feature may ask for. */
@Module({})
class CoreModule {
  static of(parts: AppParts, problems: Problems, services: readonly FeatureService[]) {
    const { open, config, duties, log } = parts;
    const { ledger, registry, stateReader, logReader, callersLog, urls } = open;
    const onKeyError = (err: unknown) => log.warn({ err }, 'the API keys could not be read');
    const given: Provider[] = [
      { provide: CONFIG, useValue: config },
      { provide: Duties, useValue: duties },
      { provide: SERVICE_LOG, useValue: log },
      { provide: OPEN_LEDGER, useValue: open },
      { provide: DATABASE_URLS, useValue: urls },
      { provide: LOG_READER, useValue: logReader },
      { provide: CALLERS_LOG, useValue: callersLog },
      { provide: StateReader, useValue: stateReader },
      { provide: STATE_READER, useValue: open.serviceState },
      { provide: Ledger, useValue: ledger },
      { provide: Registry, useValue: registry },
      { provide: Problems, useValue: problems },
      { provide: FEATURE_SERVICES, useValue: services },
      { provide: ApiKeys, useValue: new ApiKeys(logReader, onKeyError) },
    ];
    const providers = [...given, FeatureParts, Commands, Reads, PdfAnswers];
    const exports = providers.map((p) => ('provide' in p ? p.provide : p));
    return { module: CoreModule, global: true, providers, exports } satisfies DynamicModule;
  }
}

/** Who may call, how the service is, and what is measured. */
@Module({
  controllers: OPERATION,
  providers: [Health, Metrics, AccessGuard, { provide: APP_GUARD, useExisting: AccessGuard }],
})
class OperationModule {}

@Module({})
class AppModule {}

/**
 * The configured application on an opened ledger: everything that the features bring, in the order
 * of their list, started and ready for `listen` or `inject`. Closing it stops all of that in the
 * opposite order, once every request that was accepted is answered.
 * @throws StartFailed, TaskHandlersIncomplete
 */
export async function createApp(parts: AppParts): Promise<NestFastifyApplication> {
  const { features, config, duties, log } = parts;
  const problems = new Problems(features);
  const services = await Promise.all(features.map(async (f) => (await f.service()).service));
  checkRoutes([...OPERATION, ...services.flatMap((s) => s.controllers ?? [])], problems);
  const imports = [
    CoreModule.of(parts, problems, services),
    ...features.map((f, i) => featureModule(f, services[i]!, duties.servesApi)),
    OperationModule,
  ];
  return buildHttpApp({ module: AppModule, imports }, problems, log, config.http);
}
