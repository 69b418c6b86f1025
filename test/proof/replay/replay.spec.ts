import { sql } from 'kysely';
import { AccountOpened } from '../../../src/books/accounts/account.events';
import type { MaterializationContext } from '../../../src/engine/define/materializer';
import { openLedger } from '../../../src/engine/open-ledger';
import { TransactionPosted } from '../../../src/books/transactions/transaction.events';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { RecordedLog, TEST_LIMITS } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { PARTITION, unguarded } from '../../harness/unguarded';
import { changed, replayOf, someBooks, withTwins } from './some-books';
import { schemaOf } from './state-schema';

const MANY = rounds(800, 3_000);
/** More than a few pages of the log. */
const PAGES = rounds(700, 1_500);

describe('a replay (on real databases)', () => {
  it('leaves exactly the state that was there, twice', async () => {
    const databases = await someBooks(MANY);
    const { state } = databases.urls;
    const [before, schema] = [await dumpState(state), await schemaOf(state)];
    expect(before.get('entries')!.length).toBeGreaterThan(MANY);
    const progress: number[] = [];
    const onProgress = (position: number) => progress.push(position);
    const report = await replayOf(databases, { onProgress });
    expect(await dumpState(state)).toEqual(before);
    expect(await schemaOf(state)).toEqual(schema);
    expect(report).toMatchObject({
      status: 'swapped',
      processed: report.toPosition,
      chain: { ok: true, brokenAt: null },
      doom: null,
    });
    expect(progress.at(-1)).toBe(report.toPosition);
    expect((await replayOf(databases)).status).toBe('swapped');
    expect(await dumpState(state)).toEqual(before);
  });

  it('replaces a state that is wrong', async () => {
    const databases = await someBooks(300);
    const { state } = databases.urls;
    const before = await dumpState(state);
    await query(state, 'delete from state.entries where ordinal = 0');
    await query(state, `update state.accounts set name = 'wrong', client_id = null`);
    expect(await dumpState(state)).not.toEqual(before);
    const refused = await replayOf(databases);
    expect(refused).toMatchObject({ status: 'differs', accepted: null, swapMs: null });
    const mended = await replayOf(databases, {
      acceptDifferences: 'somebody was in the database',
    });
    expect(mended).toMatchObject({ status: 'swapped', accepted: 'somebody was in the database' });
    expect(await dumpState(state)).toEqual(before);
  });

  it('works on an empty log', async () => {
    const databases = await cloneDatabases();
    const report = await replayOf(databases);
    expect(report).toMatchObject({ status: 'swapped', toPosition: 0, processed: 0 });
  });

  it('builds the state for other materializers, without which nothing is written', async () => {
    const databases = await someBooks(300);
    const others = changed(AccountOpened.type, (apply) => apply, 99);
    const options = { urls: databases.urls, limits: TEST_LIMITS, reads: { cheap: 1 } };
    const open = () => openLedger({ ...options, features: others, log: new RecordedLog() });
    await expect(open()).rejects.toThrow('another version of the materializers');
    expect((await replayOf(databases, {}, others)).status).toBe('swapped');
    await (await open()).close();
    databases.features = others;
  });

  it('stops at an Event of Doom and leaves the state as it was', async () => {
    const databases = await someBooks(PAGES);
    const { state } = databases.urls;
    const [before, schema] = [await dumpState(state), await schemaOf(state)];
    const doomed = changed(TransactionPosted.type, (apply) => (event, context) => {
      if (event.position > PAGES / 2) throw new Error('this cannot be');
      return apply(event, context);
    });
    const { status, doom } = await replayOf(databases, {}, doomed);
    expect(status).toBe('failed');
    expect(doom).toMatchObject({ type: TransactionPosted.type, error: 'this cannot be' });
    expect(doom!.position).toBeGreaterThan(PAGES / 2);
    expect(await dumpState(state)).toEqual(before);
    expect(await schemaOf(state)).toEqual(schema);
  });

  // The state is asked for the transaction that is reversed, behind the row that it refuses.
  it.each([
    ['', 'true'],
    [', before one that looks for another row', `next ->> 'reverses' is not null`],
  ])('names the event whose row a constraint refuses%s', async (_, condition) => {
    const databases = await someBooks(PAGES);
    const before = await dumpState(databases.urls.state);
    const [{ position }] = (await query<{ position: number }>(
      databases.urls.log,
      `select position from (
         select position, type, lead(data) over (order by position) as next from event_log
       ) e
       where type = 'TransactionPosted' and ${condition} and position > ${PAGES / 2}
       order by position limit 1`,
    )) as [{ position: number }];
    const doomed = changed(TransactionPosted.type, (apply) => (event, context) => {
      if (event.position !== position) return apply(event, context);
      return apply({ ...event, recordedAt: null as unknown as string }, context);
    });
    const { doom } = await replayOf(databases, {}, doomed);
    expect(doom).toMatchObject({ position });
    expect(doom!.error).toContain('null value in column "recorded_at"');
    expect(await dumpState(databases.urls.state)).toEqual(before);
  });

  it('names the event that changes a row which is not there', async () => {
    const databases = await someBooks(300);
    const [{ position }] = (await query<{ position: number }>(
      databases.urls.log,
      `select position from event_log where type = 'TransactionPosted'
       order by position offset 100 limit 1`,
    )) as [{ position: number }];
    const doomed = changed(TransactionPosted.type, (apply) => (event, context) => {
      if (event.position !== position) return apply(event, context);
      return apply({ ...event, data: { ...event.data, reverses: event.eventId } }, context);
    });
    const { doom } = await replayOf(databases, {}, doomed);
    expect(doom).toMatchObject({ position });
    expect(doom!.error).toContain('Of 1 rows of transactions there are 0');
  });

  const refusals: [string, string | null, string][] = [
    ['is refused', null, 'null value in column "recorded_at"'],
    ['cannot be encoded', 'yesterday', 'A row of transactions cannot be encoded'],
  ];
  const laterEvents: [string, (context: MaterializationContext) => Promise<unknown>][] = [
    ['uses SQL', ({ state }) => state.query((db) => sql`select 1`.execute(db))],
    ['cannot be materialized', () => Promise.reject(new Error('this cannot be'))],
  ];
  const before = laterEvents.flatMap(([what, later]) =>
    refusals.map(([why, recordedAt, error]) => ({ what, later, why, recordedAt, error })),
  );
  it.each(before)('names an event whose row $why before a later one $what', async (one) => {
    const databases = await someBooks(300);
    let position: number | undefined;
    const doomed = changed(TransactionPosted.type, (apply) => async (event, context) => {
      position ??= event.position;
      const isDoomed = event.position === position;
      if (!isDoomed) await one.later(context);
      await apply(isDoomed ? { ...event, recordedAt: one.recordedAt as never } : event, context);
    });
    const { doom } = await replayOf(databases, {}, doomed);
    expect(doom).toMatchObject({ position, type: TransactionPosted.type });
    expect(doom!.error).toContain(one.error);
  });

  it('names the event whose row cannot be encoded', async () => {
    const databases = await someBooks(300);
    let position: number | undefined;
    const doomed = changed(TransactionPosted.type, (apply) => (event, context) => {
      position ??= event.position;
      const isDoomed = event.position === position;
      return apply(isDoomed ? { ...event, recordedAt: 'yesterday' } : event, context);
    });
    const { doom } = await replayOf(databases, {}, doomed);
    expect(doom).toMatchObject({ position, type: TransactionPosted.type });
    expect(doom!.error).toBe('A row of transactions cannot be encoded');
  });

  it('names the event that breaks a unique index built at the end', async () => {
    const databases = await someBooks(100);
    const { twins, second } = withTwins();
    const { doom } = await replayOf(databases, {}, twins);
    expect(doom).toMatchObject({ position: second(), type: AccountOpened.type });
  });

  it('stops where the hash chain is broken', async () => {
    const databases = await someBooks(rounds(400, 800));
    databases.isChecked = false;
    const before = await dumpState(databases.urls.state);
    const { log } = databases.superUrls;
    await unguarded(log, (client) =>
      client.query(
        `update ${PARTITION} set data = jsonb_set(data::jsonb, '{description}', '"forged"')::json
       where position =
         (select max(position) - 20 from event_log where type = 'TransactionPosted')`,
      ),
    );
    const [{ position }] = (await query<{ position: number }>(
      log,
      `select position from event_log where data ->> 'description' = 'forged'`,
    )) as [{ position: number }];
    const report = await replayOf(databases);
    expect(report).toMatchObject({
      status: 'failed',
      chain: { ok: false, brokenAt: position },
      doom: null,
    });
    expect(await dumpState(databases.urls.state)).toEqual(before);
  });
});
