import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import S3rver from '@20minutes/s3rver';
import { DEFAULT_BREAKER, ServiceAway } from '../../src/adapters/breaker';
import { openObjectStore, S3ObjectStore } from '../../src/adapters/object-store';
import { OtherSideAway, PermanentFailure } from '../../src/tasks/task-handler';
import { waitFor } from '../harness/waiting';

const NAME = 'orders/0192aaaa-0000-5000-8000-000000000001.json';
const BODY = Buffer.from(JSON.stringify({ order: 'Zoë', amount: '1.00' }));
const SHA256 = createHash('sha256').update(BODY).digest('hex');
const TYPE = 'application/json';
const BUCKET = 'confirmations';
/** What the S3 server knows. */
const KEYS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
const BREAKER = { ...DEFAULT_BREAKER, isPatient: true, minOpenMs: 100, maxOpenMs: 200 };

const signal = new AbortController().signal;

const FORBIDDEN_NAMES = [
  ...['', '/', '..', '../x', 'a/../b', 'a/..', './a', 'a//b', '/etc/passwd', 'a/', '.hidden'],
  ...['a/.hidden', 'a\\..\\b', 'a\0b', 'a b', 'a\nb', '%2e%2e/x', 'ä', 'a'.repeat(201)],
];

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  return attempt.then(
    () => Promise.reject(new Error('It did not fail')),
    (error: Error) => error,
  );
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'objects-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function startS3(port = 0): Promise<{ server: S3rver; endpoint: string; port: number }> {
  const server = new S3rver({
    ...{ address: '127.0.0.1', port, directory: folder, silent: true, vhostBuckets: false },
    configureBuckets: [{ name: BUCKET }],
  });
  const address = await server.run();
  return { server, endpoint: `http://127.0.0.1:${address.port}`, port: address.port };
}

function storeAt(endpoint: string, over: Partial<typeof KEYS & { bucket: string }> = {}) {
  const config = { endpoint, region: 'us-east-1', bucket: BUCKET, ...KEYS, ...over };
  return new S3ObjectStore(config, BREAKER);
}

describe('documents in S3', () => {
  it('lie there as they were put, and a second run overwrites the first', async () => {
    const { server, endpoint } = await startS3();
    const store = storeAt(endpoint);
    const client = new S3Client({
      ...{ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: KEYS },
    });
    await store.put(NAME, Buffer.from('an earlier run'), TYPE, { signal });
    await expect(store.put(NAME, BODY, TYPE, { signal })).resolves.toEqual({
      location: `s3://${BUCKET}/${NAME}`,
      sha256: SHA256,
    });
    const found = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: NAME }));
    expect(Buffer.from(await found.Body!.transformToByteArray())).toEqual(BODY);
    expect(found.ContentType).toBe(TYPE);
    const kept = await readdir(join(folder, BUCKET, 'orders'));
    expect(kept.filter((name) => name.endsWith('_object'))).toHaveLength(1);
    client.destroy();
    await store.close();
    await server.close();
  });

  it.each(FORBIDDEN_NAMES)('have names that lead nowhere else, so not %j', async (name) => {
    const store = storeAt('http://127.0.0.1:1');
    const error = await failureOf(store.put(name, BODY, TYPE, { signal }));
    expect(error).toBeInstanceOf(PermanentFailure);
    await store.close();
  });

  it('wait while the server is away, and arrive when it is back', async () => {
    const { server, endpoint, port } = await startS3();
    await server.close();
    const store = storeAt(endpoint);
    for (let i = 0; i < BREAKER.failures; i++) {
      const error = await failureOf(store.put(NAME, BODY, TYPE, { signal }));
      expect(error).toBeInstanceOf(ServiceAway);
      expect(error.message).toMatch(/^The object store could not be reached: /);
    }
    expect(await failureOf(store.put(NAME, BODY, TYPE, { signal }))).toBeInstanceOf(OtherSideAway);
    expect(store.breaker.state).toBe('open');
    const { server: again } = await startS3(port);
    await waitFor('the document', () =>
      store.put(NAME, BODY, TYPE, { signal }).then(
        () => true,
        () => false,
      ),
    );
    expect(store.breaker.state).toBe('closed');
    await store.close();
    await again.close();
  });

  it.each([
    ['a key that is wrong', { secretAccessKey: 'wrong' }, /^The .* us: 403 SignatureDoesNotMatch$/],
    ['a bucket that is not there', { bucket: 'nowhere' }, /^The .* us: 404 NoSuchBucket$/],
  ])('wait for %s to be put right', async (_name, over, message) => {
    const { server, endpoint } = await startS3();
    const store = storeAt(endpoint, over);
    const error = await failureOf(store.put(NAME, BODY, TYPE, { signal }));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toMatch(message);
    await store.close();
    await server.close();
  });
});

describe('an S3 server that fails', () => {
  let server: Server;
  let store: S3ObjectStore;
  let requests = 0;
  let answer: { status: number; code: string } | undefined;

  beforeEach(async () => {
    requests = 0;
    server = createServer((_request, response) => {
      requests += 1;
      if (!answer) return;
      const { status, code } = answer;
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>${code}</Code><Message>${NAME} is private</Message></Error>`);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    store = storeAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });

  afterEach(async () => {
    await store.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  it.each([
    [500, 'InternalError', ServiceAway],
    [503, 'SlowDown', ServiceAway],
    [403, 'AccessDenied', ServiceAway],
    [400, 'RequestTimeout', ServiceAway],
    [400, 'EntityTooLarge', PermanentFailure],
    [400, 'KeyTooLongError', PermanentFailure],
    [400, 'ExpiredToken', Error],
    [409, 'OperationAborted', Error],
  ])('is asked once, and %i %s is judged right', async (status, code, kind) => {
    answer = { status, code };
    const error = await failureOf(store.put(NAME, BODY, TYPE, { signal }));
    expect(error.constructor).toBe(kind);
    expect(error.message).toContain(`${status} ${code}`);
    expect(error.message).not.toMatch(/private|orders/);
    expect(requests).toBe(1);
  });

  it('does not hold a task beyond its deadline', async () => {
    answer = undefined;
    const deadline = AbortSignal.timeout(150);
    const error = await failureOf(store.put(NAME, BODY, TYPE, { signal: deadline }));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toBe('The object store did not take the object before the deadline');
    const late = await failureOf(store.put(NAME, BODY, TYPE, { signal: deadline }));
    expect(late.name).toBe('TimeoutError');
    expect(requests).toBe(1);
  });
});

describe('documents as files', () => {
  const open = () => openObjectStore({ dataDir: folder, objectStore: undefined });

  it('lie whole under their names, and a second run overwrites the first', async () => {
    const store = await open();
    await store.put(NAME, Buffer.from('an earlier run'), TYPE, { signal });
    await Promise.all(Array.from({ length: 20 }, () => store.put(NAME, BODY, TYPE, { signal })));
    await expect(store.put(NAME, BODY, TYPE, { signal })).resolves.toEqual({
      location: `objects/${NAME}`,
      sha256: SHA256,
    });
    const file = join(folder, 'objects', NAME);
    expect(await readFile(file)).toEqual(BODY);
    expect(await readdir(join(folder, 'objects', 'orders'))).toHaveLength(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.each(FORBIDDEN_NAMES)('have names that stay in the folder, so not %j', async (name) => {
    const error = await failureOf((await open()).put(name, BODY, TYPE, { signal }));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(await readdir(folder)).toEqual([]);
  });

  it('replace a link and do not write through it', async () => {
    const store = await open();
    await store.put('orders/a.json', BODY, TYPE, { signal });
    const outside = join(folder, 'outside.json');
    await symlink(outside, join(folder, 'objects', 'orders', 'b.json'));
    await store.put('orders/b.json', BODY, TYPE, { signal });
    await expect(stat(outside)).rejects.toThrow('ENOENT');
  });

  it('are tried again where the folder cannot be written', async () => {
    const store = await open();
    await store.put('orders', BODY, TYPE, { signal });
    const error = await failureOf(store.put(NAME, BODY, TYPE, { signal }));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toMatch(/^The file could not be written: E(NOTDIR|EXIST)$/);
  });
});
