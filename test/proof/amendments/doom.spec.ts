import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { amend } from '../../../src/proof/amendments/amend';
import { GENESIS } from '../../../src/engine/define/event';
import { canonicalEvent, canonicalJson, chainHash } from '../../../src/engine/write/hash-chain';
import { systemClock } from '../../../src/engine/define/ids';
import { Registry } from '../../../src/engine/define/registry';
import { TransactionPosted } from '../../../src/books/transactions/transaction.events';
import { query } from '../../harness/cluster';
import type { TestDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { runScript } from '../../harness/script';
import { startTestService } from '../../harness/service';
import { changed, replayOf, verifyOf } from '../replay/some-books';
import { AmendedBooks, startAmendedBooks, type PostedData } from './amended-books';

/** Code that cannot apply transactions of this description, whatever else they say. */
const strict = changed(TransactionPosted.type, (apply) => (event, context) => {
  if ((event.data as PostedData).description === 'doomed') throw new Error('this cannot be');
  return apply(event, context);
});

/** Books in which some transactions are the doom of the code that comes next. */
async function doomedBooks(dooms: number): Promise<{ books: AmendedBooks; positions: number[] }> {
  const before = await startAmendedBooks();
  const positions: number[] = [];
  for (let i = 0; i < dooms; i++) {
    positions.push(await before.transfer('10.00', 'doomed'));
    await before.transfer('1.00');
  }
  const { databases } = before.service;
  await before.service.close();
  const service = await startTestService({ databases, features: strict });
  return { books: new AmendedBooks(service), positions };
}

async function mended(books: AmendedBooks, position: number): Promise<PostedData> {
  const { data } = await books.event(position);
  return { ...(data as PostedData), description: 'mended' };
}

describe('an Event of Doom', () => {
  it('is amended, and then the state can be rebuilt', async () => {
    const { books, positions } = await doomedBooks(1);
    const [position] = positions as [number];
    const { urls } = books.service;
    const state = await dumpState(urls.state);
    const doomed = await replayOf(books.service, {}, strict);
    expect(doomed).toMatchObject({ status: 'failed', doom: { position } });
    expect(await dumpState(urls.state)).toEqual(state);
    const data = await mended(books, position);
    const { status, body } = await books.amend(position, { data, reason: 'No more doom' });
    expect(status).toBe(200);
    expect(body.differences.tables).toMatchObject([
      { table: 'transactions', changed: 1, firstDivergingPosition: position },
      { table: 'search_heads', changed: 1 },
    ]);
    expect(await verifyOf(books.service, {}, strict)).toMatchObject({ status: 'passed' });
    expect((await replayOf(books.service, {}, strict)).status).toBe('swapped');
    expect(await books.transfer('1.00')).toBe(body.amendedAtPosition! + 1);
  });

  it('is amended together with others without which it cannot be', async () => {
    const { books, positions } = await doomedBooks(3);
    const [first, second, third] = positions as [number, number, number];
    const [data, ...others] = await Promise.all(positions.map((p) => mended(books, p)));
    const alone = await books.amend(first, { data, reason: 'x' });
    expect(alone).toMatchObject({ status: 422, body: { code: 'amendment_not_materializable' } });
    expect(alone.body.detail).toContain(`Event ${second} `);
    const twice = [{ position: first, data: others[0] }];
    const refused = await books.amend(first, { data, reason: 'x', also: twice });
    expect(refused.body).toMatchObject({ errors: [{ pointer: '/also/0/position' }] });
    const wrong = [{ position: second, data: { ...others[0], more: 1 } }];
    const invalid = await books.amend(first, { data, reason: 'x', also: wrong });
    expect(invalid.body).toMatchObject({ errors: [{ pointer: '/also/0/data/more' }] });
    const also = [
      { position: second, data: others[0] },
      { position: third, data: others[1] },
    ];
    const { status, body } = await books.amend(first, { data, reason: 'All at once', also });
    expect(status).toBe(200);
    expect(body.also).toMatchObject([{ position: second }, { position: third }]);
    expect(body.also[1]!.amendedAtPosition).toBe(body.amendedAtPosition! + 2);
    expect((await books.backups()).data.map((backup) => backup.position)).toEqual([
      first,
      second,
      third,
    ]);
    expect(await verifyOf(books.service, {}, strict)).toMatchObject({ status: 'passed' });
  });

  it('is amended where code of another version writes nothing before that', async () => {
    const before = await startAmendedBooks();
    const position = await before.transfer('10.00', 'doomed');
    const { databases } = before.service;
    const next = changed(
      TransactionPosted.type,
      (apply) => (event, context) => {
        if ((event.data as PostedData).description === 'doomed') throw new Error('cannot be');
        return apply(event, context);
      },
      99,
    );
    await before.service.close();
    const refused = startTestService({ databases, features: next });
    await expect(refused).rejects.toThrow('npm run replay');
    const [{ data }] = (await query<{ data: object }>(
      databases.urls.log,
      'select data from event_log where position = $1',
      [position],
    )) as [{ data: object }];
    const outcome = await amend(
      { urls: databases.urls, registry: new Registry(next) },
      {
        name: 'AmendEvent',
        actor: 'tester',
        input: { position, data: { ...data, description: 'mended' }, reason: 'x' },
      },
    );
    expect(outcome.kind).toBe('accepted');
    const service = await startTestService({ databases, features: next });
    expect(await new AmendedBooks(service).balance()).toBe('10.00');
  });
});

/** Appends an event as a program with an error would have, hashed as it should be. */
async function appendDoom(databases: TestDatabases): Promise<number> {
  const { urls, superUrls } = databases;
  const [last] = await query<{ position: number; hash: Buffer; data: PostedData }>(
    urls.log,
    'select position, hash, data from event_log order by position desc limit 1',
  );
  const nobody = '00000000-0000-4000-8000-000000000001';
  const transactionId = systemClock.newId();
  const postings = last!.data.postings.map((p) => ({ ...p, accountId: nobody }));
  const data = canonicalJson({ ...last!.data, transactionId, postings });
  const now = new Date().toISOString();
  const event = {
    position: last!.position + 1,
    eventId: systemClock.newId(),
    type: TransactionPosted.type,
    version: 1,
    commandId: systemClock.newId(),
    occurredAt: now,
    recordedAt: now,
    actor: 'tester',
    correlationId: null,
    causationId: null,
  };
  const before = last?.hash.toString('hex') ?? GENESIS.hash;
  const hash = Buffer.from(chainHash(before, canonicalEvent(event, data)), 'hex');
  const { position, eventId, commandId, type, actor } = event;
  await query(
    superUrls.log,
    `insert into event_log (position, event_id, command_id, occurred_at, recorded_at, version,
       type, actor, hash, data) values ($1, $2, $3, $4, $4, 1, $5, $6, $7, $8)`,
    [position, eventId, commandId, now, type, actor, hash, data],
  );
  await query(
    superUrls.log,
    `insert into command_log (command_id, first_position, last_position, actor, creator, outcome)
     values ($1, $2, $2, $3, 'PostTransaction', 'accepted')`,
    [commandId, position, actor],
  );
  return position;
}

describe('npm run amend', () => {
  it('mends what keeps the service from starting', async () => {
    const books = await startAmendedBooks();
    const good = await books.transfer('10.00');
    const { data } = (await books.event(good)) as { data: PostedData };
    const { databases, urls } = books.service;
    await books.service.close();
    const position = await appendDoom(databases);
    await expect(startTestService({ databases })).rejects.toThrow('No account');
    const end = await runScript('replay', [], urls);
    expect(end.end).toBe(4);
    const file = join(await mkdtemp(join(tmpdir(), 'amend-')), 'data.json');
    const mended = { ...data, transactionId: systemClock.newId(), description: 'From a file' };
    await writeFile(file, JSON.stringify(mended));
    const args = [String(position), '--data', file, '--reason', 'The account was wrong'];
    const whatIf = await runScript('amend', [...args, '--what-if', '--json'], urls);
    expect(whatIf).toMatchObject({ end: 0, stderr: '' });
    expect(JSON.parse(whatIf.stdout)).toMatchObject({ position, amendedAtPosition: null });
    expect((await runScript('replay', [], urls)).end).toBe(4);
    const amended = await runScript('amend', args, urls);
    expect(amended).toMatchObject({ end: 0, stderr: '' });
    expect(amended.stdout).toContain(`Amended event ${position} (TransactionPosted, amendment 1)`);
    expect((await runScript('replay', [], urls)).end).toBe(0);
    const service = new AmendedBooks(await startTestService({ databases }));
    expect(await service.balance()).toBe('20.00');
    const { amendedBy } = (await service.backups()).data[0]!;
    expect(amendedBy).toMatch(/^script:./);
    // Back to the doom: refused, and told so that a program knows.
    const back = ['--restore', '1', '--reason', 'x', '--json'];
    const refused = await runScript('amend', [String(position), ...back], urls);
    expect(refused.end).toBe(4);
    expect(JSON.parse(refused.stdout)).toMatchObject({ code: 'amendment_not_materializable' });
    expect(refused.stderr).toContain('Nothing was changed.');
  });

  it('refuses what it does not understand, in one sentence', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('10.00');
    const { urls } = books.service;
    const file = join(await mkdtemp(join(tmpdir(), 'amend-')), 'data.json');
    await writeFile(file, '{');
    const reason = ['--reason', 'x'];
    const at = String(position);
    for (const args of [[], [at], [at, '--data', file], ['0', '--data', file, ...reason]]) {
      expect(await runScript('amend', args, urls)).toMatchObject({ end: 1, stdout: '' });
    }
    const broken = await runScript('amend', [at, '--data', file, ...reason], urls);
    expect(broken.stderr).toMatch(/must be JSON.*\n$/);
    await writeFile(file, '{"more":1}');
    const wrong = await runScript('amend', [at, '--data', file, ...reason], urls);
    expect(wrong.end).toBe(1);
    expect(wrong.stderr).toContain('/data/more is not known');
    const why = await runScript('amend', [at, '--restore', '1', '--reason', ''], urls);
    expect(why).toMatchObject({ end: 1, stderr: '/reason must have 1 to 500 characters\n' });
    expect((await books.backups()).data).toEqual([]);
  });
});
