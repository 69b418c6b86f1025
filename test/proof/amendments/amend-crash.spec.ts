import { amend } from '../../../src/proof/amendments/amend';
import type { AmendEventCommand } from '../../../src/proof/amendments/amendment.commands';
import type { DatabaseUrls } from '../../../src/database/connections';
import { LedgerUnavailable } from '../../../src/engine/define/refusal';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { dumpState } from '../../harness/invariants';
import { query } from '../../harness/cluster';
import { DatabaseProxy } from '../../harness/proxy';
import { runScript } from '../../harness/script';
import { spawnProcess, startTestService, type TestService } from '../../harness/service';
import { expectNothingLeft, replayOf, verifyOf } from '../replay/some-books';
import { AmendedBooks, startAmendedBooks } from './amended-books';

const KEY = 'amend-once';

interface Bench {
  readonly books: AmendedBooks;
  readonly position: number;
  readonly log: DatabaseProxy;
  readonly state: DatabaseProxy;
  readonly amendOnce: (through?: DatabaseUrls) => ReturnType<typeof amend>;
}

/** Books, and an amendment that reaches their databases through proxies. */
async function startBench(): Promise<Bench> {
  const books = await startAmendedBooks();
  const { databases, urls } = books.service;
  const position = await books.transfer('100.00');
  await books.transfer('1.00');
  const data = await books.withAmount(position, '70.00');
  const log = await DatabaseProxy.start(urls.log);
  const state = await DatabaseProxy.start(urls.state);
  databases.onEnd(() => log.close());
  databases.onEnd(() => state.close());
  const command: AmendEventCommand = {
    name: 'AmendEvent',
    actor: 'tester',
    idempotencyKey: KEY,
    input: { position, data, reason: 'x' },
  };
  const registry = new Registry(features);
  const through = { log: log.url, state: state.url };
  return {
    books,
    position,
    log,
    state,
    amendOnce: (proxied = through) => amend({ urls: proxied, registry }, command),
  };
}

async function counts({ urls }: Pick<TestService, 'urls'>) {
  const [row] = await query<{ events: number; backups: number; keys: number }>(
    urls.log,
    `select (select count(*) from event_log where type = 'EventAmended') as events,
       (select count(*) from event_backup) as backups,
       (select count(*) from command_log where idempotency_key = '${KEY}') as keys`,
  );
  return row;
}

const ONCE = { events: 1, backups: 1, keys: 1 };
const NEVER = { events: 0, backups: 0, keys: 0 };

describe('a crash between the commits of an amendment', () => {
  /** Ends it where the log has it and the state has not. */
  async function crash({ state, log, amendOnce }: Bench): Promise<void> {
    const isHeld = state.next('hold');
    const running = amendOnce();
    await isHeld;
    [state.isReachable, log.isReachable] = [false, false];
    state.cutAll();
    log.cutAll();
    await expect(running).rejects.toThrow();
  }

  it('leaves a state that nobody writes to, and a replay mends it', async () => {
    const bench = await startBench();
    const { books, position } = bench;
    const { databases, urls } = books.service;
    const before = await dumpState(urls.state);
    await crash(bench);
    expect(await counts(books.service)).toEqual(ONCE);
    expect(await dumpState(urls.state)).toEqual(before);
    await expectNothingLeft(databases);
    // A service that was running reads what it read before, and refuses to write.
    expect(await books.balance()).toBe('101.00');
    const account = { name: 'x', type: 'asset', currency: 'USD' };
    const refused = await books.service.api.post('/v1/accounts', account);
    expect(refused).toMatchObject({ status: 503, body: { code: 'ledger_unavailable' } });
    expect(refused.body['detail']).toContain(`Event ${position} was amended`);
    expect(refused.body['detail']).toContain('npm run replay');
    const ready = await books.service.api.get('/v1/health/ready');
    expect(ready.status).toBe(503);
    expect(ready.body['failure']).toContain('npm run replay');
    expect(await dumpState(urls.state)).toEqual(before);
    // One that starts says so too.
    const { exited, output } = await spawnProcess({ urls });
    expect(await exited).toBe(1);
    expect(output()).toContain(`Event ${position} was amended and the state was not rebuilt`);
    expect((await verifyOf(books.service)).status).toBe('failed');
    const report = await replayOf(books.service);
    expect(report).toMatchObject({ status: 'swapped', accepted: `event ${position} was amended` });
    expect(await books.balance()).toBe('71.00');
    await books.transfer('1.00');
    expect(await books.balance()).toBe('72.00');
    expect((await verifyOf(books.service)).status).toBe('passed');
  });

  it('is mended by the script as well, and the same key gets the first answer', async () => {
    const bench = await startBench();
    const { books, amendOnce } = bench;
    await crash(bench);
    expect(await runScript('replay', [], books.service.urls)).toMatchObject({ end: 0 });
    expect(await amendOnce(books.service.urls)).toMatchObject({ kind: 'accepted', isHit: true });
    expect(await counts(books.service)).toEqual(ONCE);
  });

  it('is mended by the next amendment', async () => {
    const bench = await startBench();
    const { books, position } = bench;
    await crash(bench);
    const data = await books.withAmount(position, '60.00');
    const { status, body } = await books.amend(position, { data, reason: 'Again' });
    expect(status).toBe(200);
    expect(body.amendment).toBe(2);
    expect(await books.balance()).toBe('61.00');
  });

  it('does not keep a state from being healed that had not come so far', async () => {
    const bench = await startBench();
    const { books, position } = bench;
    const { databases, urls } = books.service;
    await books.service.close();
    // Lost in a crash of its server: the state has nothing.
    await query(
      urls.state,
      `truncate state.accounts, state.entries, state.transactions, state.currencies,
         state.subject_positions, state.account_terms, state.search_heads`,
    );
    await query(
      urls.state,
      `update state.event_log_state set position = 0, hash = decode(repeat('00', 32), 'hex'),
         materializers_version = null`,
    );
    await crash(bench);
    expect(position).toBeGreaterThan(1);
    const healed = new AmendedBooks(await startTestService({ databases }));
    expect(await healed.balance()).toBe('71.00');
  });
});

describe('a connection that is cut at the commit of an amendment', () => {
  it.each(['lose', 'silence'] as const)(
    'of the state (%s): it has happened, the state follows, and success is answered',
    async (fate) => {
      const { books, state, amendOnce } = await startBench();
      const isHit = state.next(fate);
      expect(await amendOnce()).toMatchObject({ kind: 'accepted', isHit: false });
      await isHit;
      expect(await counts(books.service)).toEqual(ONCE);
      expect(await books.balance()).toBe('71.00');
      await books.transfer('1.00');
    },
  );

  it('of the log, before its answer: it has happened once', async () => {
    const { books, log, amendOnce } = await startBench();
    const isHit = log.next('silence');
    expect(await amendOnce()).toMatchObject({ kind: 'accepted', isHit: false });
    await isHit;
    expect(await counts(books.service)).toEqual(ONCE);
    expect(await amendOnce()).toMatchObject({ kind: 'accepted', isHit: true });
    expect(await books.balance()).toBe('71.00');
  });

  it('of the log, before it got there: nothing has happened, and the same key works', async () => {
    const { books, log, amendOnce } = await startBench();
    const isHit = log.next('lose');
    await expect(amendOnce()).rejects.toThrow(LedgerUnavailable);
    await isHit;
    expect(await counts(books.service)).toEqual(NEVER);
    expect(await books.balance()).toBe('101.00');
    expect(await amendOnce()).toMatchObject({ kind: 'accepted', isHit: false });
    expect(await counts(books.service)).toEqual(ONCE);
  });
});
