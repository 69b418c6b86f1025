import type { SecretSeal } from '../adapters/secret-seal';
import type { WebhookSubscriptionRow } from './webhook.table';

/** How long the secret before a rotation signs too, so that receivers can follow. */
export const ROTATION_OVERLAP_MS = 24 * 60 * 60 * 1000;

const PREFIX = 'whsec_';
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** Whether a text is a secret as the Standard Webhooks specification has it. */
export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  const encoded = text.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64');
  const fits = bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES;
  return fits && bytes.toString('base64') === encoded;
}

/**
 * The secret of one version of a subscription.
 * @param sealed as it is stored; null: derived, and nothing was stored
 */
export function secretOf(
  seal: Pick<SecretSeal, 'open' | 'derive'>,
  subscriptionId: string,
  version: number,
  sealed: string | null,
): string {
  if (sealed !== null) return seal.open(sealed);
  return PREFIX + seal.derive(`webhook:${subscriptionId}:${version}`);
}

/**
 * The secrets that sign a delivery, the newest first: two for a while after a rotation.
 * @param nowMs milliseconds since 1970
 */
export function signingSecrets(
  seal: Pick<SecretSeal, 'open' | 'derive'>,
  row: WebhookSubscriptionRow,
  nowMs: number,
): string[] {
  const { subscription_id: id, secret_version: version, rotated_at } = row;
  const secrets = [secretOf(seal, id, version, row.sealed_secret)];
  if (rotated_at !== null && nowMs < Date.parse(rotated_at) + ROTATION_OVERLAP_MS) {
    secrets.push(secretOf(seal, id, version - 1, row.previous_sealed_secret));
  }
  return secrets;
}
