import { OpenAccount } from '../../src/books/accounts/account.creators';
import { LedgerUnavailable } from '../../src/engine/define/refusal';
import { systemClock, uuidV7, type Clock } from '../../src/engine/define/ids';
import { query } from '../harness/cluster';
import { startTestLedger, type TestLedger } from '../harness/ledger';
import { CountNotes, NOTE_TABLES, noteFeatures } from '../harness/notes';
import { cloneDatabases } from '../harness/databases';
import { runScript } from '../harness/script';
import { PARTITION, unguarded } from '../harness/unguarded';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** A clock that can be set wrong. */
class SetClock implements Clock {
  /** Milliseconds ahead of what it should be. */
  ahead = 0;
  monotonicAhead = 0;

  now(): number {
    return Date.now() + this.ahead;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.monotonicAhead;
  }

  newId(): string {
    return uuidV7(this.now());
  }
}

const input = { name: 'An account', type: 'asset', currency: 'USD' } as const;

async function start() {
  const clock = new SetClock();
  const ledger = await startTestLedger({ clock });
  return { clock, ledger };
}

function recordedTimes({ databases }: TestLedger): Promise<{ at: string }[]> {
  const text = 'select recorded_at as at from event_log order by position';
  return query(databases.urls.log, text);
}

async function refused(ledger: TestLedger): Promise<string> {
  const error = await ledger.submit(OpenAccount, input).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(LedgerUnavailable);
  const { message } = error as Error;
  expect(ledger.open.ledger.status().failure).toBe(message);
  // What health tries where the last batch failed.
  await expect(ledger.open.ledger.heal()).rejects.toThrow(message.slice(0, 40));
  return message;
}

describe('the time of an event', () => {
  it('is never before that of the event in front of it', async () => {
    const { clock, ledger } = await start();
    clock.ahead = 30_000;
    await ledger.accept(OpenAccount, input);
    clock.ahead = -20_000;
    await Promise.all([ledger.accept(OpenAccount, input), ledger.accept(OpenAccount, input)]);
    await ledger.restart();
    await ledger.accept(OpenAccount, input);
    const [first, ...others] = await recordedTimes(ledger);
    expect(others).toEqual([first, first, first]);
    clock.ahead = 35_000;
    await ledger.accept(OpenAccount, input);
    expect((await recordedTimes(ledger)).at(-1)!.at > first!.at).toBe(true);
  });

  it.each([
    ['thirty years ahead', 30 * YEAR_MS, / ahead /],
    ['more than a minute ahead', 90_000, / ahead /],
    ['more than a minute behind', -90_000, / behind /],
    ['before 1970', -80 * YEAR_MS, / behind |is wrong/],
  ])('is not taken from a clock that is %s', async (_, ahead, says) => {
    const { clock, ledger } = await start();
    await ledger.accept(OpenAccount, input);
    clock.ahead = ahead;
    // With both clocks set it is only the servers that know better.
    clock.monotonicAhead = ahead;
    expect(await refused(ledger)).toMatch(says);
    clock.ahead = 0;
    clock.monotonicAhead = 0;
    await ledger.accept(OpenAccount, input);
    const times = await recordedTimes(ledger);
    expect(times).toHaveLength(2);
    expect(Math.abs(Date.parse(times[1]!.at) - Date.now())).toBeLessThan(60_000);
  });

  it('is not taken from a clock that goes on otherwise than time does', async () => {
    const { clock, ledger } = await start();
    expect(ledger.open.ledger.status().failure).toBeUndefined();
    clock.monotonicAhead = -HOUR_MS;
    // Before anything was tried, too.
    expect(ledger.open.ledger.status().failure).toContain('3600 s ahead of time');
    expect(await refused(ledger)).toContain('3600 s ahead of time');
    clock.monotonicAhead = 0;
    await ledger.accept(OpenAccount, input);
    expect(ledger.open.ledger.status().failure).toBeUndefined();
  });
});

describe('a clock that is put right', () => {
  it.each([HOUR_MS, -HOUR_MS])(
    'is good again by itself after it was %d ms ahead',
    async (ahead) => {
      const { clock, ledger } = await start();
      await ledger.accept(OpenAccount, input);
      clock.ahead = ahead;
      expect(await refused(ledger)).toContain('put it right, and writes go on');
      clock.ahead = 0;
      const began = clock.now();
      await Promise.all([ledger.accept(OpenAccount, input), ledger.accept(OpenAccount, input)]);
      expect(ledger.open.ledger.status().failure).toBeUndefined();
      const rows = await query<{ position: number; id: string; at: string }>(
        ledger.databases.urls.log,
        'select position, event_id as id, recorded_at as at from event_log order by position',
      );
      expect(rows.map(({ position }) => position)).toEqual([1, 2, 3]);
      for (const { id, at } of rows.slice(1)) {
        const idMs = parseInt(id.replace('-', '').slice(0, 12), 16);
        for (const ms of [idMs, Date.parse(at)]) {
          expect(ms).toBeGreaterThanOrEqual(began);
          expect(ms).toBeLessThanOrEqual(clock.now());
        }
      }
    },
  );
});

describe('a log whose last event is later than every clock', () => {
  it('goes on once an administrator has said why', async () => {
    const { ledger } = await start();
    await ledger.accept(OpenAccount, input);
    const { databases } = ledger;
    const { urls, superUrls } = databases;
    const accept = (...args: string[]) => runScript('accept-time', args, urls);
    const early = await accept('--reason', 'nothing is wrong');
    expect([early.end, early.stderr]).toEqual([1, expect.stringContaining('nothing is to be')]);
    databases.isChecked = false;
    const future = new Date(Date.now() + YEAR_MS).toISOString();
    await ledger.close();
    await unguarded(superUrls.log, (client) =>
      client.query(`update ${PARTITION} set recorded_at = $1`, [future]),
    );
    await ledger.restart();
    expect(await refused(ledger)).toMatch(
      /^The last event was recorded at .* npm run accept-time$/,
    );
    expect((await accept()).stderr).toContain('--reason');
    expect(await refused(ledger)).toContain('accept-time');
    const done = await accept('--reason', 'ticket 4711');
    expect([done.end, done.stdout]).toEqual([0, expect.stringContaining(`until ${future}`)]);
    await ledger.accept(OpenAccount, input);
    await ledger.restart();
    await ledger.accept(OpenAccount, input);
    expect(await recordedTimes(ledger)).toEqual([future, future, future].map((at) => ({ at })));
    expect(await query(urls.log, 'select position, reason from accepted_times')).toEqual([
      { position: 1, reason: 'ticket 4711' },
    ]);
  });
});

describe('the locks', () => {
  it('tell how long they were held, last and at most', async () => {
    const databases = await cloneDatabases({ stateTables: NOTE_TABLES });
    const ledger = await startTestLedger({ databases, features: noteFeatures });
    await ledger.accept(CountNotes, { text: 'under the locks' });
    const { holds } = ledger.open.ledger;
    expect(holds.last).toBeGreaterThan(0);
    expect(holds.longest).toBeGreaterThanOrEqual(holds.last);
    await ledger.accept(OpenAccount, input);
    expect(ledger.open.ledger.holds.last).not.toBe(holds.last);
    expect(ledger.open.ledger.holds.longest).toBeGreaterThanOrEqual(holds.longest);
  });
});
