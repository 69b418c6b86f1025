import type { ObjectStoreConfig } from '../../outside/adapters/adapter-config';

/** Where signed checkpoints of the event log are kept, and who signs them. */
export interface CheckpointConfig {
  /** Absolute path of the folder of the key, and of the checkpoints where nothing else is set. */
  readonly dataDir: string;
  /** Where checkpoints are kept unless `directory` is set. */
  readonly objectStore: ObjectStoreConfig | undefined;
  /** Absolute path; unset: object storage where there is one, else a folder in `dataDir`. */
  readonly directory: string | undefined;
  /** 32 bytes, the seed of an Ed25519 key; unset: made and kept in the data directory. */
  readonly key: Uint8Array | undefined;
  /** What names the log in its checkpoints; unset: a name that is made from the key. */
  readonly origin: string | undefined;
  /** The keys whose checkpoints are believed, as vkeys of c2sp.org/signed-note; unset: our own. */
  readonly publicKeys: readonly string[] | undefined;
}
