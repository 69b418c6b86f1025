import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import { KEY_BYTES, readOrMakeKey } from './key-file';

const FILE = 'secrets-key';
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1.';

/**
 * Keeps secrets unreadable in the event log, which is for ever and has many readers. The same text
 * is sealed to the same text again, so that a request that is repeated looks the same; whoever
 * sees two sealed texts sees whether they are equal, and nothing else.
 */
export class SecretSeal {
  private readonly sealingKey: Buffer;
  private readonly ivKey: Buffer;
  private readonly derivingKey: Buffer;

  /** @param key of 32 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new Error(`The secrets' key must have ${KEY_BYTES} bytes`);
    // A key for each purpose, so that what one shows says nothing about the others. RFC 5869.
    this.sealingKey = subkey(key, 'seal');
    this.ivKey = subkey(key, 'initialization vector');
    this.derivingKey = subkey(key, 'derive');
  }

  /** @returns `v1.` and base64url; the same for the same text */
  seal(plain: string): string {
    // Two texts never share a vector, as GCM demands, since it comes from the text by a keyed hash.
    const iv = createHmac('sha256', this.ivKey).update(plain).digest().subarray(0, IV_BYTES);
    const cipher = createCipheriv(CIPHER, this.sealingKey, iv, { authTagLength: TAG_BYTES });
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return VERSION + Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
  }

  /** @throws SealError where the text was not sealed with this key, or was changed since */
  open(sealed: string): string {
    const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64url');
    if (!sealed.startsWith(VERSION) || bytes.length < IV_BYTES + TAG_BYTES) throw new SealError();
    const iv = bytes.subarray(0, IV_BYTES);
    const cipher = createDecipheriv(CIPHER, this.sealingKey, iv, { authTagLength: TAG_BYTES });
    cipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const body = bytes.subarray(IV_BYTES + TAG_BYTES);
    try {
      return Buffer.concat([cipher.update(body), cipher.final()]).toString('utf8');
    } catch {
      throw new SealError();
    }
  }

  /** A secret that is the same for a label, so that it need not be kept: 32 bytes, base64. */
  derive(label: string): string {
    return createHmac('sha256', this.derivingKey).update(label).digest('base64');
  }
}

/** A sealed text cannot be opened. */
export class SealError extends Error {
  constructor() {
    super('The secret was sealed with another key, or was changed');
  }
}

function subkey(key: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `truebook secret seal ${purpose}`, KEY_BYTES));
}

/**
 * The seal with the key that was set, or the one that the data directory keeps; made there once.
 * @throws Error where the file is of no use
 */
export async function openSecretSeal(
  dataDir: string,
  configured: Uint8Array | undefined,
): Promise<SecretSeal> {
  if (configured) return new SecretSeal(configured);
  return new SecretSeal(await readOrMakeKey(join(dataDir, FILE)));
}
