import type { AdapterConfig } from './adapter-config';
import type { Adapters } from './adapters';
import { breakerStatus } from './breaker';
import { openMailer } from './mailer';
import { openObjectStore } from './object-store';
import { openSecretSeal } from './secret-seal';
import { HttpWebhookSender } from './webhook-sender';

/** Opens the ways to the outside world; no service need be there for that. */
export async function openAdapters(config: AdapterConfig): Promise<Adapters> {
  const seal = await openSecretSeal(config.dataDir, config.secretsKey);
  const mailer = await openMailer(config);
  const objects = await openObjectStore(config);
  const webhooks = new HttpWebhookSender(config.webhooks);
  return {
    ...{ mailer, objects, webhooks, seal },
    status: () => [
      breakerStatus('mailer', [mailer.breaker.state]),
      breakerStatus('objects', [objects.breaker.state]),
      breakerStatus('webhooks', webhooks.breakers.states),
    ],
    close: async () => {
      await Promise.all([mailer.close(), objects.close(), webhooks.close()]);
    },
  };
}
