import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { runInNewContext } from 'node:vm';
import { Client } from 'pg';
import { CommitRefused } from '../../database/writer-connection';
import { EventOfDoom } from '../catch-up/catch-up';
import { describeFailure, isUnavailable } from './failures';
import { HeadsDiverge, OtherMaterializers } from './heads';
import { LedgerUnavailable, Refusal } from '../define/refusal';

const SECRET = 'postgresql://owner:secret@db.internal/log';
const failed = (code: string) => Object.assign(new Error(`at ${SECRET}`), { code });

describe('isUnavailable', () => {
  it.each([
    ...['08006', '25P02', '25P03', '40001', '40P01', '53100', '53300', '55P03', '57014', '57P01'],
    ...['57P03', '58030', 'XX001', '3D000', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ENOENT'],
  ])('is true for %s: the same command may succeed later', (code) => {
    expect(isUnavailable(failed(code))).toBe(true);
  });

  it.each(['23505', '22001', '42P01', '42501', '42601'])('is false for %s', (code) => {
    expect(isUnavailable(failed(code))).toBe(false);
  });

  it.each([
    new LedgerUnavailable('no'),
    new HeadsDiverge('no'),
    new OtherMaterializers(),
    new EventOfDoom(1, 'e', 'T', new Error('no')),
    new CommitRefused('ROLLBACK'),
    new Error('Connection terminated unexpectedly'),
    new Error('Connection terminated due to connection timeout'),
    new Error('The connection ended'),
    new Error('timeout exceeded when trying to connect'),
  ])('is true for %s', (error) => {
    expect(isUnavailable(error)).toBe(true);
  });

  it("is true for a socket's error of another realm", () => {
    const error: unknown = runInNewContext("Object.assign(new Error(), { code: 'ECONNRESET' })");
    expect(error).not.toBeInstanceOf(Error);
    expect(isUnavailable(error)).toBe(true);
  });

  it('is true for a server that takes connections and never says a word', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { address: host, port } = server.address() as AddressInfo;
    const client = new Client({ host, port, connectionTimeoutMillis: 20 });
    const error: unknown = await client.connect().catch((reason: unknown) => reason);
    server.close();
    expect(error).toBeInstanceOf(Error);
    expect(isUnavailable(error)).toBe(true);
  });

  it.each([
    new TypeError('x is not a function'),
    new Refusal('zero_amount', 'no'),
    undefined,
    'no',
  ])('is false for %s', (error) => {
    expect(isUnavailable(error)).toBe(false);
  });
});

describe('describeFailure', () => {
  it.each([failed('ECONNREFUSED'), failed('57P01'), failed('55P03'), new Error(SECRET)])(
    'tells nothing of hosts and passwords',
    (error) => {
      expect(describeFailure(error)).not.toMatch(/secret|internal|postgresql/);
    },
  );

  it('tells the position of an Event of Doom and no more', () => {
    const doom = new EventOfDoom(17, 'e', 'T', new Error(SECRET));
    expect(describeFailure(doom)).toBe('The event at position 17 cannot be materialized');
  });
});
