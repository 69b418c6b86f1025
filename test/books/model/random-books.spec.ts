import { HoldExpiry } from '../../../src/books/holds/hold.schedule';
import { ScheduledPosting } from '../../../src/books/schedules/schedule.schedule';
import { cloneDatabases } from '../../harness/databases';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { SimulatedClock, SimulatedTime } from '../../harness/simulated-time';
import { replayOf, verifyOf } from '../../proof/replay/some-books';
import { viewOf } from './accounts';
import { Chooser, GROUPS, MOVING } from './chooser';
import { send, type Request } from './commands';
import { expectSameBooks, expectSameHistory } from './compared';
import { addDays, DAY_MS, HOUR_MS, startOf, ZONE } from './days';
import * as schedules from './schedules';
import { Judge, type Exchange } from './walk';

const WAVES = rounds(60, 280);
const IN_WAVE = 14;
/** By which a process's clock may be wrong: less than the ledger would stop for. */
const WRONG_MS = 55_000;
/** Before a change to or from summer time, a leap day, and the end of a year. */
const STARTS = ['2027-03-25', '2027-10-28', '2028-02-20', '2026-12-20', '2027-08-29'];

interface Process {
  readonly service: TestService;
  readonly clock: SimulatedClock;
}

/** Real books that the model judges, and random things that happen to both. */
class RandomBooks {
  readonly judge: Judge;
  private readonly kept: Exchange[] = [];
  private readonly past: { id: string; at: number; view: object }[] = [];
  private readonly works: readonly { run(): Promise<void> }[];
  private readonly interest = { expense: '', income: '' };
  private sent = 0;

  constructor(
    private readonly random: Random,
    private readonly time: SimulatedTime,
    /** Each with a clock of its own; the first one does what is due. */
    private readonly processes: readonly Process[],
  ) {
    this.judge = new Judge(this.first.service);
    const { stateReader, ledger } = this.first.service.open;
    this.works = [new HoldExpiry(stateReader, ledger), new ScheduledPosting(stateReader, ledger)];
  }

  private get first(): Process {
    return this.processes[0]!;
  }

  private get now(): string {
    return nowOf(this.first);
  }

  /** Accounts of all types with some money, which the model learns of like of anything else. */
  async begin(): Promise<void> {
    const open = (type: string, rest: object = {}): Request => {
      return { kind: 'open', body: { type, currency: 'USD', ...rest } };
    };
    await this.wave([
      open('expense', { clientId: 'paid' }),
      open('income', { clientId: 'earned' }),
    ]);
    const ids = [...this.judge.books.accounts.values()];
    this.interest.expense = ids.find(({ type }) => type === 'expense')!.id;
    this.interest.income = ids.find(({ type }) => type === 'income')!.id;
    const people = GROUPS.slice(0, 3).flatMap((group, i) => [
      open('liability', { group, clientId: MOVING[i] }),
      open('liability', { group, minBalance: '0' }),
      open('asset', { group: 'people:loans' }),
    ]);
    const others = ['income', 'expense', 'equity', 'asset'].flatMap((type) => [
      open(type, { clientId: type }),
      open(type, { currency: 'JPY', group: 'shops' }),
    ]);
    await this.wave([...people, ...others]);
    const poor = [...this.judge.books.accounts.values()].filter(({ min }) => min !== null);
    const deposits = poor.map(({ id }): Request => {
      const from = { accountId: 'client:asset', direction: 'debit', amount: '1000' };
      const postings = [from, { accountId: id, direction: 'credit', amount: '1000' }];
      return { kind: 'post', body: { postings } };
    });
    await this.wave(deposits);
  }

  async step(): Promise<void> {
    const { random } = this;
    await this.goOn();
    const isDry = random.chance(0.12);
    const requests = Array.from({ length: isDry ? 1 : 1 + random.below(IN_WAVE) }, () =>
      this.chooser().next(),
    );
    await this.wave(requests, isDry, random.chance(0.4));
    if (random.chance(0.3)) await this.work();
  }

  private chooser(): Chooser {
    return new Chooser(this.random, this.judge.books.copy(this.now), this.interest);
  }

  /** Time goes on, by minutes or days, or to where a day begins, a payment leaves, a hold ends. */
  private async goOn(): Promise<void> {
    const { random, time, judge } = this;
    const { clock } = random.pick(this.processes);
    const dice = random.below(100);
    if (dice < 35) await time.goTo(time.now + random.below(10 * 60_000));
    else if (dice < 55) await time.goTo(time.now + random.below(7 * HOUR_MS));
    else if (dice < 75) await this.toMidnight();
    else if (dice < 80) await time.goTo(time.now + random.below(4 * DAY_MS));
    else if (dice < 88) {
      const movement = random.pick(judge.books.movements.slice(-20));
      const leaves = movement ? Date.parse(movement.at) + DAY_MS - random.below(2) : 0;
      await time.goTo(leaves - clock.ahead);
    } else if (dice < 94) {
      const held = [...judge.books.holds.values()].filter(({ status }) => status === 'held');
      const over = random.pick(held.flatMap(({ expiresAt }) => expiresAt ?? []));
      if (over) await time.goTo(Date.parse(over) - random.below(2) - clock.ahead);
    } else clock.ahead = random.below(2 * WRONG_MS) - WRONG_MS;
    if (random.chance(0.1)) clock.ahead = 0;
  }

  /** The first instant of the next day, by the process's clock, or the last one before. */
  private async toMidnight(): Promise<void> {
    const { random, time, judge } = this;
    const { clock } = random.pick(this.processes);
    const today = judge.books.copy(new Date(clock.now()).toISOString()).today;
    const at = Date.parse(startOf(addDays(today, 1))) - random.pick([0, 0, 1, 1000]);
    await time.goTo(at - clock.ahead);
  }

  /** What the service does every few seconds; afterwards nothing is due. */
  private async work(): Promise<void> {
    await this.wave([], false, true);
    const { books } = this.judge;
    const now = new Date(Math.min(this.first.clock.now(), this.time.now)).toISOString();
    expect(schedules.due(books, now)).toEqual([]);
    const isDue = ({ status, expiresAt }: { status: string; expiresAt: string | null }) =>
      status === 'held' && expiresAt !== null && expiresAt <= now;
    expect([...books.holds.values()].filter(isDue)).toEqual([]);
  }

  /** Sends requests at once, some twice with one key, and judges what was answered. */
  private async wave(requests: readonly Request[], dryRun = false, isDue = false): Promise<void> {
    const { random, judge, kept } = this;
    const exchange = async (request: Request, key: string | undefined): Promise<Exchange> => {
      const by = random.pick(this.processes);
      const answer = await send(by.service.api, request, { idempotencyKey: key, dryRun });
      return { request, key, dryRun, now: nowOf(by), answer };
    };
    const sending = requests.flatMap((request) => {
      const mayBeKept = !dryRun && random.chance(0.4);
      const key = mayBeKept ? `key ${this.sent++}` : undefined;
      const times = key !== undefined && random.chance(0.2) ? 2 : 1;
      return Array.from({ length: times }, () => exchange(request, key));
    });
    const old = random.chance(0.2) && kept.length > 0 ? random.pick(kept) : undefined;
    if (old && !dryRun) sending.push(exchange(old.request, old.key));
    const due = isDue ? this.works.map((work) => work.run()) : [];
    const [exchanges] = await Promise.all([Promise.all(sending), ...due]);
    expect(exchanges.filter(({ answer }) => answer.status >= 500)).toEqual([]);
    this.expectRepeats(exchanges);
    await judge.judge(exchanges, this.now, this.time.iso);
    const id = random.pick([...judge.books.accounts.keys()]);
    if (id === undefined || !random.chance(0.3)) return;
    const view = viewOf(judge.books, judge.books.account(id));
    this.past.push({ id, at: judge.position, view });
  }

  /** To one key there is one answer, then and for ever. */
  private expectRepeats(exchanges: readonly Exchange[]): void {
    const isHit = ({ answer }: Exchange) => answer.headers.get('idempotency-hit') === 'true';
    const keyed = exchanges.filter(({ key, answer }) => {
      return key !== undefined && answer.status !== 400;
    });
    for (const same of Map.groupBy(keyed, ({ key }) => key).values()) {
      const known = this.kept.find(({ key }) => key === same[0]!.key);
      const first = known ?? same.find((e) => !isHit(e))!;
      if (!known) this.kept.push(first);
      expect(same.filter((e) => !isHit(e))).toHaveLength(known ? 0 : 1);
      for (const { answer } of same) {
        const { status, body } = first.answer;
        expect({ status: answer.status, body: answer.body }).toEqual({ status, body });
      }
    }
  }

  async compare(): Promise<void> {
    const { service } = this.random.pick(this.processes);
    await expectSameBooks(service.api, this.judge.books);
  }

  async end(): Promise<void> {
    const { api, databases } = this.first.service;
    const { books } = this.judge;
    await this.compare();
    await expectSameHistory(api, books);
    for (const { id, at, view } of this.past) {
      expect((await api.get(`/v1/accounts/${id}?atPosition=${at}`)).body).toMatchObject(view);
    }
    expect(await verifyOf(databases)).toMatchObject({ status: 'passed' });
    expect(await replayOf(databases)).toMatchObject({ status: 'swapped' });
    await this.compare();
    await this.wave([{ kind: 'open', body: { type: 'asset', currency: 'USD' } }]);
  }
}

const nowOf = ({ clock }: Process) => new Date(clock.now()).toISOString();

describe('random commands of every kind to two processes, as days go by', () => {
  it('are answered as an independent model of the books answers them', async () => {
    const random = seededRandom();
    const databases = await cloneDatabases();
    const time = await SimulatedTime.begin(databases, `${random.pick(STARTS)}T20:00:00Z`);
    const env = { BOOK_TIME_ZONE: ZONE };
    const start = async () => {
      const clock = new SimulatedClock(time);
      return { clock, service: await startTestService({ databases, clock, env }) };
    };
    const books = new RandomBooks(random, time, [await start(), await start()]);
    await books.begin();
    for (let i = 1; i <= WAVES; i++) {
      await books.step();
      if (i % 25 === 0) await books.compare();
    }
    await books.end();
    process.stderr.write(`until ${time.iso}: ${JSON.stringify([...books.judge.codes].sort())}\n`);
  }, 300_000);
});
