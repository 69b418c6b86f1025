import type { FeatureService } from '../../engine/define/feature';
import { AdapterHealth } from '../../http/health-parts';
import { CONFIG } from '../../http/service-tokens';
import type { AdapterConfig } from './adapter-config';
import { BreakerMeasurement } from './adapter.measurements';
import { Adapters } from './adapters';
import { Mailer } from './mailer';
import { ObjectStore } from './object-store';
import { SecretSeal } from './secret-seal';
import { WebhookSender } from './webhook-sender';

const open = (config: { readonly adapters: AdapterConfig }) => Adapters.open(config.adapters);
const inject = [Adapters];

export const service: FeatureService = {
  providers: [
    { provide: Adapters, useFactory: open, inject: [CONFIG] },
    { provide: Mailer, useFactory: (adapters: Adapters) => adapters.mailer, inject },
    { provide: ObjectStore, useFactory: (adapters: Adapters) => adapters.objects, inject },
    { provide: WebhookSender, useFactory: (adapters: Adapters) => adapters.webhooks, inject },
    { provide: SecretSeal, useFactory: (adapters: Adapters) => adapters.seal, inject },
    { provide: AdapterHealth, useExisting: Adapters },
  ],
  exports: [Mailer, ObjectStore, WebhookSender, SecretSeal, AdapterHealth],
  measurements: [BreakerMeasurement],
};
