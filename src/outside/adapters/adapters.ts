import type { OnApplicationShutdown } from '@nestjs/common';
import type { AdapterHealth } from '../../http/health-parts';
import type { AdapterConfig } from './adapter-config';
import { breakerStatus, type BreakerStatus } from './breaker';
import { openMailer } from './mailer';
import { openObjectStore } from './object-store';
import { openSecretSeal, type SecretSeal } from './secret-seal';
import { HttpWebhookSender } from './webhook-sender';

/** The ways from the program to the outside world; task handlers are given what they need. */
export class Adapters implements AdapterHealth, OnApplicationShutdown {
  constructor(
    readonly mailer: Awaited<ReturnType<typeof openMailer>>,
    readonly objects: Awaited<ReturnType<typeof openObjectStore>>,
    readonly webhooks: HttpWebhookSender,
    readonly seal: SecretSeal,
  ) {}

  /** Opens them as they are configured; no service need be there for that. */
  static async open(config: AdapterConfig): Promise<Adapters> {
    const seal = await openSecretSeal(config.dataDir, config.secretsKey);
    const mailer = await openMailer(config);
    const objects = await openObjectStore(config);
    return new Adapters(mailer, objects, new HttpWebhookSender(config.webhooks), seal);
  }

  /** Which of the other sides are away; names no addresses. */
  status(): BreakerStatus[] {
    return [
      breakerStatus('mailer', [this.mailer.breaker.state]),
      breakerStatus('objects', [this.objects.breaker.state]),
      breakerStatus('webhooks', this.webhooks.breakers.states),
    ];
  }

  /** To be called when nobody does tasks any longer. */
  async close(): Promise<void> {
    await Promise.all([this.mailer.close(), this.objects.close(), this.webhooks.close()]);
  }

  onApplicationShutdown(): Promise<void> {
    return this.close();
  }
}
