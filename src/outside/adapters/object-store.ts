import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import type { AdapterConfig, ObjectStoreConfig } from './adapter-config';
import { PermanentFailure } from '../../engine/define/task-handler';
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
export abstract class ObjectStore {
  /**
   * Writes an object, over one of the same name. A name made from the task's id makes a second
   * run harmless.
   * @param name segments of `A-Za-z0-9._-` with slashes between, 200 characters at most
   * @throws PermanentFailure where this object is refused for good, OtherSideAway where no
   *   attempt was made, and other errors
   */
  abstract put(
    name: string,
    body: Buffer,
    contentType: string,
    options: PutOptions,
  ): Promise<StoredObject>;

  /**
   * The objects that lie directly in a folder, sorted, without the folder's name; nothing where
   * there is no such folder. Names that begin with a dot are left out.
   * @param folder a name as of `put`, or `''`
   * @throws as `put` does
   */
  abstract list(folder: string, options: PutOptions): Promise<string[]>;
  /**
   * Reads a whole object.
   * @throws PermanentFailure where it is larger than `maxBytes` or its name is not valid, else as
   *   `put` does; an Error where there is no such object
   */
  abstract read(name: string, options: ReadOptions): Promise<Buffer>;
  abstract close(): Promise<void>;
}

export interface ReadOptions extends PutOptions {
  /** Nothing longer is loaded into memory. */
  readonly maxBytes: number;
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
  return new FileObjectStore(join(config.dataDir, FOLDER), FOLDER);
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
    await this.run(() => this.client.send(command, { abortSignal: signal }));
    return { location: `s3://${Bucket}/${name}`, sha256: digest.toString('hex') };
  }

  async list(folder: string, { signal }: PutOptions): Promise<string[]> {
    signal.throwIfAborted();
    if (folder !== '') needObjectName(folder);
    const Prefix = folder === '' ? '' : `${folder}/`;
    const input = { Bucket: this.config.bucket, Prefix, Delimiter: '/' };
    return this.run(async () => {
      const names: string[] = [];
      const pages = paginateListObjectsV2({ client: this.client }, input, { abortSignal: signal });
      for await (const { Contents } of pages) {
        for (const { Key } of Contents ?? []) names.push(Key!.slice(Prefix.length));
      }
      return visible(names);
    });
  }

  async read(name: string, { signal, maxBytes }: ReadOptions): Promise<Buffer> {
    signal.throwIfAborted();
    needObjectName(name);
    const command = new GetObjectCommand({ Bucket: this.config.bucket, Key: name });
    return this.run(async () => {
      // The answer's head says how long it is, and what is not read of it is given up.
      const given = new AbortController();
      const abortSignal = AbortSignal.any([signal, given.signal]);
      const { Body, ContentLength } = await this.client.send(command, { abortSignal });
      if (!(ContentLength! <= maxBytes)) {
        given.abort();
        throw tooLong(maxBytes);
      }
      return Buffer.from(await Body!.transformToByteArray());
    });
  }

  /** Makes a call unless the server is known to be away; what it throws tells no secrets. */
  private run<T>(call: () => Promise<T>): Promise<T> {
    return this.breaker.run(async () => {
      try {
        return await call();
      } catch (error) {
        throw error instanceof PermanentFailure ? error : judgeS3Error(error as S3ServiceException);
      }
    });
  }

  close(): Promise<void> {
    this.client.destroy();
    return Promise.resolve();
  }
}

/** Keeps documents as files. */
export class FileObjectStore implements ObjectStore {
  readonly breaker = new Breaker('The object store', { ...DEFAULT_BREAKER, isPatient: true });

  /**
   * @param folder of the objects; made where it is missing
   * @param shown what locations begin with
   */
  constructor(
    private readonly folder: string,
    private readonly shown = folder,
  ) {}

  async put(
    name: string,
    body: Buffer,
    _contentType: string,
    { signal }: PutOptions,
  ): Promise<StoredObject> {
    signal.throwIfAborted();
    needObjectName(name);
    await this.breaker.run(() => writeFileAtomically(join(this.folder, name), body));
    const sha256 = createHash('sha256').update(body).digest('hex');
    return { location: `${this.shown}/${name}`, sha256 };
  }

  async list(folder: string, { signal }: PutOptions): Promise<string[]> {
    signal.throwIfAborted();
    if (folder !== '') needObjectName(folder);
    return this.breaker.run(async () => {
      try {
        const entries = await readdir(join(this.folder, folder), { withFileTypes: true });
        return visible(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT') return [];
        throw new ServiceAway(`The folder could not be read: ${code}`);
      }
    });
  }

  async read(name: string, { signal, maxBytes }: ReadOptions): Promise<Buffer> {
    signal.throwIfAborted();
    needObjectName(name);
    return this.breaker.run(async () => {
      try {
        return await readFileUpTo(join(this.folder, name), maxBytes);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === undefined) throw error;
        // What is missing or unreadable says nothing about the files beside it.
        throw new Error(`The file could not be read: ${code}`);
      }
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function readFileUpTo(path: string, maxBytes: number): Promise<Buffer> {
  // Without O_NONBLOCK a named pipe would be waited for, and nobody may ever write to it.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    // Read by its own length, a file that grows meanwhile could take all memory.
    const bytes = Buffer.allocUnsafe(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      length += bytesRead;
      if (length > maxBytes) throw tooLong(maxBytes);
      if (bytesRead === 0) return bytes.subarray(0, length);
    }
  } finally {
    await handle.close();
  }
}

function tooLong(maxBytes: number): PermanentFailure {
  return new PermanentFailure(`The object is longer than ${maxBytes} bytes`);
}

function visible(names: readonly string[]): string[] {
  return names.filter((name) => name !== '' && !name.startsWith('.')).sort();
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
  if (name === 'NoSuchKey') return new Error('The object store has no such object');
  if (status >= 500 || UNSERVED.includes(status) || name === 'RequestTimeout') {
    return new ServiceAway(`The object store does not serve us: ${status} ${name}`);
  }
  return new Error(`The object store does not take the object: ${status} ${name}`);
}
