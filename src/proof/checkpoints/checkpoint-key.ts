import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readKey, readOrMakeKey } from '../../outside/adapters/key-file';
import type { CheckpointConfig } from './checkpoint-config';
import { parseVerifierKey, signerKey, type SignerKey, type VerifierKey } from './signed-note';

const FILE = 'checkpoint-key';
/** Enough that two installations without a name of their own do not share one. */
const NAME_DIGITS = 8;

/**
 * The key that signs checkpoints: the one that was set, or the one that the data directory keeps,
 * made there once.
 * @throws Error where the file is of no use
 */
export async function openSigningKey(config: CheckpointConfig): Promise<SignerKey> {
  return named(config.key ?? (await readOrMakeKey(join(config.dataDir, FILE))), config.origin);
}

/**
 * The keys whose checkpoints are believed: those that were set, or else our own, where there is
 * one. No key is made: it could not have signed anything.
 * @throws NoteRefused where a public key is none
 */
export async function readTrustedKeys(config: CheckpointConfig): Promise<VerifierKey[]> {
  if (config.publicKeys) return config.publicKeys.map(parseVerifierKey);
  const seed = config.key ?? (await readKey(join(config.dataDir, FILE)));
  return seed ? [named(seed, config.origin)] : [];
}

/** Without a name that was set, one that follows from the key and so stays as long as the key. */
function named(seed: Uint8Array, origin: string | undefined): SignerKey {
  if (origin !== undefined) return signerKey(origin, seed);
  const { x } = signerKey('truebook', seed).publicKey.export({ format: 'jwk' });
  const digest = createHash('sha256').update(Buffer.from(x!, 'base64url')).digest('hex');
  return signerKey(`truebook/${digest.slice(0, NAME_DIGITS)}`, seed);
}
