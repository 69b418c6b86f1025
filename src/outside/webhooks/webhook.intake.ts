import { Inject, Injectable } from '@nestjs/common';
import { SecretSeal } from '../adapters/secret-seal';
import { checkWebhookUrl } from '../adapters/webhook-policy';
import type { WebhookPolicy } from '../adapters/adapter-config';
import { Registry } from '../../engine/define/registry';
import type { FieldError } from '../../engine/define/refusal';
import { invalidRequest } from '../../http/problem';
import { CONFIG } from '../../http/service-tokens';
import { EVERY_TYPE, UNDELIVERED_TYPES } from './webhook.events';
import { secretOf } from './webhook.secrets';
import type { WebhookSubscriptionDto } from './webhook.dto';

/** What stands between requests about subscriptions and the commands that come of them. */
@Injectable()
export class WebhookIntake {
  private readonly types: readonly string[];
  private readonly policy: WebhookPolicy;

  constructor(
    registry: Registry,
    private readonly secrets: SecretSeal,
    @Inject(CONFIG) config: { readonly adapters: { readonly webhooks: WebhookPolicy } },
  ) {
    this.policy = config.adapters.webhooks;
    this.types = registry.eventTypes.filter((type) => !UNDELIVERED_TYPES.has(type)).sort();
  }

  /**
   * Checks where a subscription leads and what it is about.
   * @throws Refusal `validation_failed`
   */
  check(url: string, eventTypes: readonly string[]): void {
    const errors: FieldError[] = [];
    const wrongUrl = checkWebhookUrl(url, this.policy);
    if (wrongUrl !== undefined) errors.push({ pointer: '/url', message: wrongUrl });
    const wrongTypes = this.checkTypes(eventTypes);
    if (wrongTypes !== undefined) errors.push({ pointer: '/eventTypes', message: wrongTypes });
    if (errors.length > 0) throw invalidRequest(...errors);
  }

  /**
   * Seals a secret before its command is submitted, so that neither the event log nor the command
   * log ever has the secret itself. The same secret seals to the same text, so that a repeated
   * request is the same request.
   */
  sealed(secret: string | undefined): { sealedSecret?: string } {
    return secret === undefined ? {} : { sealedSecret: this.secrets.seal(secret) };
  }

  /**
   * A subscription with the secret of its version. A repeated request derives the secret that its
   * first answer was about, whatever happened since.
   */
  withSecret<View extends WebhookSubscriptionDto>(
    view: View,
    given: string | undefined,
  ): View & { secret: string } {
    const secret = given ?? secretOf(this.secrets, view.id, view.secretVersion, null);
    return { ...view, secret };
  }

  private checkTypes(types: readonly string[]): string | undefined {
    if (types.includes(EVERY_TYPE)) return types.length > 1 ? 'must have "*" alone' : undefined;
    const isKnown = types.every((type) => this.types.includes(type));
    return isKnown ? undefined : `must be "*" or some of ${this.types.join(', ')}`;
  }
}
