import { resolve, join } from 'node:path';
import {
  FileObjectStore,
  S3ObjectStore,
  type ObjectStore,
} from '../../outside/adapters/object-store';
import type { CheckpointConfig } from './checkpoint-config';
import { errorMessage } from '../../database/errors';

const FOLDER = 'checkpoints';
const CONTENT_TYPE = 'text/plain; charset=utf-8';
/** A checkpoint has some 300 bytes, and with the signatures of witnesses some kilobytes. */
const MAX_BYTES = 256 * 1024;

/** The place of checkpoints cannot be read or written; `message` says which place, and why. */
export class CheckpointsOutOfReach extends Error {
  override readonly name = 'CheckpointsOutOfReach';
}

/** A place outside the databases that keeps the files of checkpoints. */
export class CheckpointStore {
  constructor(
    private readonly objects: ObjectStore,
    /** Below the root of `objects`; `''` for the root itself. */
    private readonly folder: string,
    /** An absolute path or `s3://bucket/folder`, for people. */
    readonly location: string,
  ) {}

  /** The names of all files, sorted. @throws CheckpointsOutOfReach */
  list(signal: AbortSignal): Promise<string[]> {
    return this.reach(() => this.objects.list(this.folder, { signal }));
  }

  /** @throws PermanentFailure for a file that is too long, else what the object store throws */
  read(name: string, signal: AbortSignal): Promise<Buffer> {
    return this.objects.read(this.pathOf(name), { signal, maxBytes: MAX_BYTES });
  }

  /** Keeps a new file. @returns where; @throws CheckpointsOutOfReach */
  async write(name: string, file: Buffer, signal: AbortSignal): Promise<string> {
    const path = this.pathOf(name);
    const put = () => this.objects.put(path, file, CONTENT_TYPE, { signal });
    return (await this.reach(put)).location;
  }

  close(): Promise<void> {
    return this.objects.close();
  }

  private async reach<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const message = errorMessage(error);
      const where = `The checkpoints at ${this.location} are out of reach`;
      throw new CheckpointsOutOfReach(`${where}: ${message}`, { cause: error });
    }
  }

  private pathOf(name: string): string {
    return this.folder === '' ? name : `${this.folder}/${name}`;
  }
}

/**
 * The place that the configuration asks for: `CHECKPOINTS_DIR`, or the bucket where there is one,
 * or a folder in `DATA_DIR`.
 * @param directory goes before all of them
 */
export function openCheckpointStore(config: CheckpointConfig, directory?: string): CheckpointStore {
  const given = directory === undefined ? config.directory : resolve(directory);
  if (given === undefined && config.objectStore) {
    const location = `s3://${config.objectStore.bucket}/${FOLDER}`;
    return new CheckpointStore(new S3ObjectStore(config.objectStore), FOLDER, location);
  }
  const path = given ?? join(config.dataDir, FOLDER);
  return new CheckpointStore(new FileObjectStore(path), '', path);
}
