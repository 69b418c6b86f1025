import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { PutObjectCommand, S3Client, type S3ServiceException } from '@aws-sdk/client-s3';
import type { AdapterConfig, ObjectStoreConfig } from '../config';
import { PermanentFailure } from '../tasks/task-handler';
import { removeOldDrafts, writeFileAtomically } from './atomic-file';
import { Breaker, DEFAULT_BREAKER, ServiceAway, type BreakerOptions } from './breaker';

/** Where an object lies, and the digest of what was written. */
export interface StoredObject {
  /** `s3://bucket/name`, or `objects/name` below `DATA_DIR`. */
  readonly location: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface PutOptions {
  readonly signal: AbortSignal;
}

/** Keeps documents. */
export interface ObjectStore {
  /**
   * Writes an object, over one of the same name. A name made from the task's id makes a second
   * run harmless.
   * @param name segments of `A-Za-z0-9._-` with slashes between, 200 characters at most
   * @throws PermanentFailure where this object is refused for good, OtherSideAway where no
   *   attempt was made, and other errors
   */
  put(name: string, body: Buffer, contentType: string, options: PutOptions): Promise<StoredObject>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;
const FOLDER = 'objects';

/** The object store that the configuration asks for: S3, or files in `DATA_DIR/objects`. */
export async function openObjectStore(
  config: Pick<AdapterConfig, 'objectStore' | 'dataDir'>,
): Promise<S3ObjectStore | FileObjectStore> {
  if (config.objectStore) return new S3ObjectStore(config.objectStore);
  await removeOldDrafts(join(config.dataDir, FOLDER));
  return new FileObjectStore(config.dataDir);
}

/** Keeps documents in a bucket of a server that speaks S3. */
export class S3ObjectStore implements ObjectStore {
  readonly breaker: Breaker;
  private readonly client: S3Client;

  constructor(
    private readonly config: ObjectStoreConfig,
    breaker: BreakerOptions = { ...DEFAULT_BREAKER, isPatient: true },
  ) {
    this.breaker = new Breaker('The object store', breaker);
    const { endpoint, region, accessKeyId, secretAccessKey } = config;
    this.client = new S3Client({
      region,
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      credentials: { accessKeyId, secretAccessKey },
      // The task is what tries again, with a wait between that the client does not have.
      maxAttempts: 1,
      // Servers other than Amazon's know no checksums in trailers.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: IDLE_TIMEOUT_MS,
      },
    });
  }

  async put(
    name: string,
    body: Buffer,
    contentType: string,
    { signal }: PutOptions,
  ): Promise<StoredObject> {
    signal.throwIfAborted();
    needObjectName(name);
    const digest = createHash('sha256').update(body).digest();
    const { bucket: Bucket } = this.config;
    const command = new PutObjectCommand({
      ...{ Bucket, Key: name, Body: body, ContentType: contentType },
      ChecksumSHA256: digest.toString('base64'),
    });
    await this.breaker.run(async () => {
      try {
        await this.client.send(command, { abortSignal: signal });
      } catch (error) {
        throw judgeS3Error(error as S3ServiceException);
      }
    });
    return { location: `s3://${Bucket}/${name}`, sha256: digest.toString('hex') };
  }

  close(): Promise<void> {
    this.client.destroy();
    return Promise.resolve();
  }
}

/** Keeps documents as files. */
export class FileObjectStore implements ObjectStore {
  readonly breaker = new Breaker('The object store', { ...DEFAULT_BREAKER, isPatient: true });

  /** @param dataDir the folder that `objects` is made in */
  constructor(private readonly dataDir: string) {}

  async put(
    name: string,
    body: Buffer,
    _contentType: string,
    { signal }: PutOptions,
  ): Promise<StoredObject> {
    signal.throwIfAborted();
    needObjectName(name);
    await this.breaker.run(() => writeFileAtomically(join(this.dataDir, FOLDER, name), body));
    const sha256 = createHash('sha256').update(body).digest('hex');
    return { location: `${FOLDER}/${name}`, sha256 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const MAX_NAME_LENGTH = 200;
/** A segment does not begin with a dot: none is `..`, and none is a draft. */
const NAME = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;

function needObjectName(name: string): void {
  if (name.length <= MAX_NAME_LENGTH && NAME.test(name)) return;
  throw new PermanentFailure('The name of the object is not valid');
}

/** What is wrong with one object; nothing that is tried again changes it. */
const REFUSALS = ['EntityTooLarge', 'KeyTooLongError', 'BadDigest', 'InvalidDigest'];
/** Refusals of us, not of the object: keys, bucket or region are wrong until they are changed. */
const UNSERVED = [301, 307, 401, 403, 404, 408, 421, 429];

function judgeS3Error(error: S3ServiceException & { code?: string }): Error {
  const status = error.$metadata?.httpStatusCode;
  if (error.name === 'AbortError') {
    return new ServiceAway('The object store did not take the object before the deadline');
  }
  if (status === undefined) {
    return new ServiceAway(`The object store could not be reached: ${error.code ?? error.name}`);
  }
  // A server's own words are kept out: they may repeat names, keys and addresses.
  const name = /^\w{1,60}$/.test(error.name) ? error.name : 'an unknown error';
  if (REFUSALS.includes(name)) {
    return new PermanentFailure(`The object store refuses the object: ${status} ${name}`);
  }
  if (status >= 500 || UNSERVED.includes(status) || name === 'RequestTimeout') {
    return new ServiceAway(`The object store does not serve us: ${status} ${name}`);
  }
  return new Error(`The object store does not take the object: ${status} ${name}`);
}
