import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import S3rver from '@20minutes/s3rver';
import { DEFAULT_BREAKER, ServiceAway } from '../../../src/outside/adapters/breaker';
import {
  openObjectStore,
  S3ObjectStore,
  type ObjectStore,
} from '../../../src/outside/adapters/object-store';
import { OtherSideAway, PermanentFailure } from '../../../src/engine/define/task-handler';
import { waitFor } from '../../harness/waiting';

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

async function startS3(
  port = 0,
  allowMismatchedSignatures = false,
): Promise<{ server: S3rver; endpoint: string; port: number }> {
  const server = new S3rver({
    ...{ address: '127.0.0.1', port, directory: folder, silent: true, vhostBuckets: false },
    allowMismatchedSignatures,
    configureBuckets: [{ name: BUCKET }],
  });
  const address = await server.run();
  return { server, endpoint: `http://127.0.0.1:${address.port}`, port: address.port };
}

function storeAt(endpoint: string, over: Partial<typeof KEYS & { bucket: string }> = {}) {
  const config = { endpoint, region: 'us-east-1', bucket: BUCKET, ...KEYS, ...over };
  return new S3ObjectStore(config, BREAKER);
}

/** Reads what lies under a name, and nothing of what does not or is too long. */
async function expectReads(store: ObjectStore): Promise<void> {
  await store.put(NAME, BODY, TYPE, { signal });
  const { length } = BODY;
  expect(await store.read(NAME, { signal, maxBytes: length })).toEqual(BODY);
  const long = await failureOf(store.read(NAME, { signal, maxBytes: length - 1 }));
  expect(long).toEqual(new PermanentFailure(`The object is longer than ${length - 1} bytes`));
  for (let i = 0; i <= BREAKER.failures; i++) {
    const missing = await failureOf(store.read('orders/b.json', { signal, maxBytes: 100 }));
    expect(missing.constructor).toBe(Error);
  }
  await store.put('empty.json', Buffer.alloc(0), TYPE, { signal });
  expect(await store.read('empty.json', { signal, maxBytes: 0 })).toHaveLength(0);
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

  it('are listed by folder and read back', async () => {
    const { server, endpoint } = await startS3(0, true);
    const store = storeAt(endpoint);
    const names = ['1.json', '10.json', '2.json'];
    for (const name of names) await store.put(`a/b/${name}`, BODY, TYPE, { signal });
    await store.put('a/other.json', BODY, TYPE, { signal });
    expect(await store.list('a/b', { signal })).toEqual(names);
    expect(await store.list('a', { signal })).toEqual(['other.json']);
    expect(await store.list('', { signal })).toEqual([]);
    expect(await store.list('b', { signal })).toEqual([]);
    await expectReads(store);
    await store.close();
    await server.close();
  });

  it('are listed page by page', async () => {
    const asked: (string | null)[] = [];
    const server = createServer((request, response) => {
      const token = new URL(request.url!, 'http://s3').searchParams.get('continuation-token');
      asked.push(token);
      const next = token === 'last one' ? undefined : token === null ? 'next one' : 'last one';
      response.writeHead(200, { 'content-type': 'application/xml' });
      response.end(
        `<ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>` +
          `<Contents><Key>a/${asked.length}.txt</Key></Contents>` +
          `${next ? `<NextContinuationToken>${next}</NextContinuationToken>` : ''}` +
          `</ListBucketResult>`,
      );
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const store = storeAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await store.list('a', { signal })).toEqual(['1.txt', '2.txt', '3.txt']);
    expect(asked).toEqual([null, 'next one', 'last one']);
    await store.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  it.each(FORBIDDEN_NAMES)('have names that lead nowhere else, so not %j', async (name) => {
    const store = storeAt('http://127.0.0.1:1');
    const error = await failureOf(store.put(name, BODY, TYPE, { signal }));
    expect(error).toBeInstanceOf(PermanentFailure);
    const unread = await failureOf(store.read(name, { signal, maxBytes: 100 }));
    expect(unread).toBeInstanceOf(PermanentFailure);
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
  let deadline: AbortController;

  beforeEach(async () => {
    requests = 0;
    deadline = new AbortController();
    server = createServer((_request, response) => {
      requests += 1;
      if (!answer) return deadline.abort(new DOMException('late', 'TimeoutError'));
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
    const unlisted = await failureOf(store.list('orders', { signal }));
    const unread = await failureOf(store.read(NAME, { signal, maxBytes: 100 }));
    expect([unlisted, unread]).toEqual([error, error]);
    expect(requests).toBe(3);
  });

  it('does not hold a task beyond its deadline', async () => {
    answer = undefined;
    const error = await failureOf(store.put(NAME, BODY, TYPE, deadline));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toBe('The object store did not take the object before the deadline');
    const late = await failureOf(store.put(NAME, BODY, TYPE, deadline));
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

  it('are listed by folder and read back', async () => {
    const store = await open();
    expect(await store.list('', { signal })).toEqual([]);
    for (const name of ['b/2', 'b/10', 'b/c/3', 'a']) {
      await store.put(name, BODY, TYPE, { signal });
    }
    await writeFile(join(folder, 'objects', 'b', '.left.draft'), '');
    expect(await store.list('b', { signal })).toEqual(['10', '2']);
    expect(await store.list('', { signal })).toEqual(['a']);
    await expectReads(store);
    // What is no folder is not taken for an empty one.
    expect(await failureOf(store.list('a', { signal }))).toBeInstanceOf(ServiceAway);
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
