import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { ClosePeriod } from '../../../src/books/periods/period.creators';
import {
  CancelScheduledTransaction,
  ScheduleTransaction,
  type ScheduleTransactionInput,
} from '../../../src/books/schedules/schedule.creators';
import { ScheduledPosting } from '../../../src/books/schedules/schedule.schedule';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { openPool } from '../../../src/database/connections';
import { LedgerUnavailable } from '../../../src/engine/define/refusal';
import { acceptTime } from '../../../src/engine/write/accepted-times';
import type { LogDatabase } from '../../../src/engine/write/event-log';
import { query } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { startTestLedger, TEST_LIMITS, type TestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { SimulatedClock, SimulatedTime } from '../../harness/simulated-time';
import { replayOf, verifyOf } from '../../proof/replay/some-books';
import { addDays, addMonths, DAY_MS, dayOf, HOUR_MS, startOf, ZONE } from '../model/days';

/** Of a leap year, from its first days on. */
const DAYS = rounds(100, 400);
const FIRST_DAY = '2027-12-30';
/** By which a process's clock may be wrong: less than the ledger would stop for. */
const WRONG_MS = 55_000;
const RENT = 10;

interface Plan {
  readonly postOn: string;
  readonly repeat?: NonNullable<ScheduleTransactionInput['repeat']>;
  readonly until?: string;
  readonly from: 'bank' | 'poor';
}

const PLANS: readonly Plan[] = [
  { postOn: '2027-12-31', repeat: 'daily', from: 'bank' },
  { postOn: '2027-12-31', repeat: 'daily', from: 'poor' },
  { postOn: '2028-01-03', repeat: 'weekly', from: 'bank' },
  { postOn: '2028-01-05', repeat: 'weekly', from: 'poor', until: '2028-03-15' },
  { postOn: '2027-12-31', repeat: 'monthly', from: 'bank' },
  { postOn: '2028-01-30', repeat: 'monthly', from: 'poor' },
  { postOn: '2028-02-29', repeat: 'yearly', from: 'bank' },
  { postOn: '2027-12-31', repeat: 'yearly', from: 'bank' },
  { postOn: '2028-03-26', from: 'bank' },
  { postOn: '2028-03-26', from: 'poor' },
];

/** The days of a plan until one, counted from its first. */
function daysOf({ postOn, repeat, until = '9999' }: Plan, last: string): string[] {
  const dayAt = (times: number) => {
    if (repeat === 'daily') return addDays(postOn, times);
    if (repeat === 'weekly') return addDays(postOn, 7 * times);
    return addMonths(postOn, repeat === 'monthly' ? times : 12 * times);
  };
  const days: string[] = [];
  for (let times = 0; times === 0 || repeat !== undefined; times++) {
    const day = dayAt(times);
    if (day > last || day > until) break;
    days.push(day);
  }
  return days;
}

interface LoggedEvent {
  readonly type: string;
  readonly recorded_at: string;
  readonly data: {
    readonly scheduleId: string;
    readonly on: string;
    readonly code?: string;
    readonly through: string;
    readonly effectiveDate: string;
    readonly postings: readonly { accountId: string; direction: string; amount: string }[];
  };
}

/** Two processes on the same books, in a time that goes on and is set. */
class Year {
  private readonly plans = new Map<string, Plan>();
  private poor = '';

  private constructor(
    private readonly random: Random,
    private readonly databases: TestDatabases,
    private readonly time: SimulatedTime,
    private readonly processes: readonly { ledger: TestLedger; clock: SimulatedClock }[],
  ) {}

  static async begin(random: Random): Promise<Year> {
    const databases = await cloneDatabases();
    const time = await SimulatedTime.begin(databases, `${FIRST_DAY}T10:00:00Z`);
    const start = async () => {
      const clock = new SimulatedClock(time);
      return { clock, ledger: await startTestLedger({ databases, clock, timeZone: ZONE }) };
    };
    const year = new Year(random, databases, time, [await start(), await start()]);
    await year.open();
    return year;
  }

  get now(): number {
    return this.time.now;
  }

  private get first(): TestLedger {
    return this.processes[0]!.ledger;
  }

  private async open(): Promise<void> {
    const account = { type: 'asset', currency: 'EUR' } as const;
    for (const clientId of ['flat', 'bank']) {
      await this.first.accept(OpenAccount, { ...account, clientId, name: clientId });
    }
    const poor = { ...account, clientId: 'poor', name: 'Poor', minBalance: '0' };
    this.poor = (await this.first.accept(OpenAccount, poor)).id;
    for (const plan of PLANS) await this.schedule(plan);
  }

  private async schedule({ from, ...days }: Plan): Promise<string> {
    const postings = this.postings('flat', from, RENT);
    const input = { description: 'Rent', postings, ...days };
    const { id } = await this.first.accept(ScheduleTransaction, input);
    this.plans.set(id, { from, ...days });
    return id;
  }

  private postings(debit: string, credit: string, amount: number) {
    return [
      { accountId: `client:${debit}`, direction: 'debit' as const, amount: `${amount}` },
      { accountId: `client:${credit}`, direction: 'credit' as const, amount: `${amount}` },
    ];
  }

  /** Something that happens, after which the service mostly looks what is due. */
  async step(): Promise<void> {
    const { random, time } = this;
    const dice = random.below(100);
    if (dice < 35) await time.goTo(time.now + random.below(30) * HOUR_MS);
    else if (dice < 55) await this.toMidnight();
    else if (dice < 68) await time.goTo(time.now + (2 + random.below(7)) * DAY_MS);
    else if (dice < 78) {
      random.pick(this.processes).clock.ahead = random.below(2 * WRONG_MS) - WRONG_MS;
    } else if (dice < 88) await this.deposit();
    else if (dice < 91) await this.close();
    else if (dice < 94) await this.comeAndGo();
    else await this.setBack();
    if (random.chance(0.8)) await this.look();
  }

  /**
   * One look, or both processes' at once, where one may find done what it was about to do, and
   * leave the rest to the next look. Then nothing is due by its clock and the servers'.
   */
  private async look(): Promise<void> {
    const { random, processes, time } = this;
    if (random.chance(0.5)) {
      await Promise.all(processes.map(({ ledger }) => this.posting(ledger).run()));
    }
    const { ledger, clock } = random.pick(processes);
    await this.posting(ledger).run();
    const by = new Date(Math.min(time.now, clock.now())).toISOString();
    const rows = await query<{ next_on: string }>(
      this.databases.urls.state,
      'select next_on from state.scheduled_transactions where next_on is not null',
    );
    expect(rows.filter((row) => startOf(row.next_on) <= by)).toEqual([]);
  }

  private events(): Promise<LoggedEvent[]> {
    const text = 'select type, recorded_at, data from event_log order by position';
    return query(this.databases.urls.log, text);
  }

  private posting({ open }: TestLedger): ScheduledPosting {
    return new ScheduledPosting(open.stateReader, open.ledger);
  }

  /** The last instant of a day, and then the first one of the next. */
  private async toMidnight(): Promise<void> {
    const { time } = this;
    const tomorrow = Date.parse(startOf(addDays(dayOf(time.iso), 1)));
    await time.goTo(tomorrow - 1);
    await this.look();
    await time.goTo(tomorrow);
  }

  private async deposit(): Promise<void> {
    const postings = this.postings('poor', 'bank', RENT * (1 + this.random.below(8)));
    await this.first.accept(PostTransaction, { description: 'Wages', postings });
  }

  /** Whatever is due on days until then is refused, where nobody has looked yet. */
  private async close(): Promise<void> {
    const through = addDays(dayOf(this.time.iso), -1 - this.random.below(3));
    await this.first.submit(ClosePeriod, { through });
  }

  /** A schedule that begins today, and is cancelled before or after it ran. */
  private async comeAndGo(): Promise<void> {
    const postOn = addDays(dayOf(this.time.iso), 1);
    const id = await this.schedule({ postOn, repeat: 'daily', from: 'bank' });
    if (this.random.chance(0.5)) await this.toMidnight();
    if (this.random.chance(0.5)) await this.look();
    await this.first.accept(CancelScheduledTransaction, { scheduleId: id });
  }

  /** Somebody sets all clocks back by hours: until they are right, or accepted, nothing happens. */
  private async setBack(): Promise<void> {
    const { random, time, processes, databases } = this;
    const back = (1 + random.below(5)) * HOUR_MS;
    const events = (await this.events()).length;
    await time.set(-back);
    for (const { ledger } of processes) {
      const looked = await this.posting(ledger)
        .run()
        .catch((error: unknown) => error);
      if (looked !== undefined) expect(looked).toBeInstanceOf(LedgerUnavailable);
    }
    expect(await this.events()).toHaveLength(events);
    if (random.chance(0.6)) return time.set(back);
    for (const { clock, ledger } of processes) {
      clock.ahead = 0;
      await ledger.restart();
    }
    const log = openPool<LogDatabase>(databases.urls.log, undefined, TEST_LIMITS, 1, () => {});
    await acceptTime(log, 'Clocks were ahead').finally(() => log.destroy());
    await this.deposit();
  }

  /** Every clock is right again and all is done; then all that the log has is counted. */
  async end(): Promise<void> {
    const { time, processes, databases } = this;
    const last = (await this.events()).at(-1)!.recorded_at;
    for (const { clock } of processes) clock.ahead = 0;
    await time.goTo(Math.max(time.now, Date.parse(last)) + HOUR_MS);
    await this.look();
    this.expectRuns(await this.events());
    expect(await verifyOf(databases)).toMatchObject({ status: 'passed' });
    for (const { ledger } of processes) await ledger.close();
    expect(await replayOf(databases)).toMatchObject({ status: 'swapped' });
  }

  private expectRuns(events: readonly LoggedEvent[]): void {
    const runs = new Map<string, string[]>([...this.plans.keys()].map((id) => [id, []]));
    const cancelled = new Set<string>();
    const counts = { posted: 0, refused: 0 };
    let [poor, closed, before] = [0, '', ''];
    for (const { type, data, recorded_at: at } of events) {
      const plan = this.plans.get(data.scheduleId);
      if (type === 'PeriodClosed') closed = data.through;
      if (type === 'ScheduledTransactionCancelled') cancelled.add(data.scheduleId);
      if (type === 'TransactionPosted') poor += this.change(data);
      if (!/Transaction(Posted|Refused)$/.test(type) || !plan) continue;
      const due = startOf(data.on);
      const isInOrder = due <= at && due >= before;
      expect({ due, at, before, isInOrder }).toMatchObject({ isInOrder: true });
      before = due;
      runs.get(data.scheduleId)!.push(data.on);
      const mayBe = data.on <= closed ? ['period_closed'] : [];
      // After a payment the balance is what it left.
      const had = type === 'ScheduledTransactionPosted' ? poor + RENT : poor;
      if (plan.from === 'poor' && had < RENT) mayBe.push('insufficient_funds');
      if (mayBe.length === 0) expect([data.on, data.code]).toEqual([data.on, undefined]);
      else expect(mayBe).toContain(data.code);
      counts[data.code === undefined ? 'posted' : 'refused']++;
    }
    const today = dayOf(this.time.iso);
    for (const [id, plan] of this.plans) {
      const days = daysOf(plan, today);
      const done = runs.get(id)!;
      expect(done).toEqual(cancelled.has(id) ? days.slice(0, done.length) : days);
    }
    process.stderr.write(`until ${today}: ${JSON.stringify(counts)}\n`);
  }

  private change({ postings }: LoggedEvent['data']): number {
    const own = postings.filter(({ accountId }) => accountId === this.poor);
    return own.reduce((sum, p) => sum + Number(p.amount) * (p.direction === 'debit' ? 1 : -1), 0);
  }
}

describe('a year of scheduled transactions', () => {
  it('posts every day once, in order, however clocks and the service come and go', async () => {
    const year = await Year.begin(seededRandom());
    const end = Date.parse(FIRST_DAY) + DAYS * DAY_MS;
    while (year.now < end) await year.step();
    await year.end();
  }, 300_000);
});
