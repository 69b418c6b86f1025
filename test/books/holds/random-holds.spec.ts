import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { CaptureHold } from '../../../src/books/holds/capture.creator';
import { ExpireHolds, PlaceHold, VoidHold } from '../../../src/books/holds/hold.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import type { Creator } from '../../../src/engine/define/creator';
import { query } from '../../harness/cluster';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { HoldClock } from './hold-clock';

/** In less than a minute, by which the clock that stands still would be too far behind. */
const STEPS = rounds(400, 1_000);
const CUSTOMERS = ['anna', 'ben', 'cleo'];
/** What the shop may have, in whole units. */
const MOST = 400;
/** Holds live for some of this, and all of it is less than clocks may be apart. */
const WALK_MS = 40_000;

/** A hold of whole units, as the contract has it. */
interface ModelHold {
  readonly id: string;
  readonly customer: string;
  left: number;
  readonly expiresAt: string | undefined;
  status: 'held' | 'captured' | 'voided' | 'expired';
}

/** What customers and the shop have, and what is held; time is asked of every hold itself. */
class Model {
  readonly balances = new Map(CUSTOMERS.map((name) => [name, 100]));
  readonly holds: ModelHold[] = [];
  /** When the last event was recorded: no command is before that. */
  last = '';

  constructor(private readonly clock: HoldClock) {}

  get now(): string {
    const now = this.clock.in(0);
    return now > this.last ? now : this.last;
  }

  isOpen({ status, expiresAt }: ModelHold): boolean {
    return status === 'held' && (expiresAt === undefined || expiresAt > this.now);
  }

  /** What a customer may spend, or the shop may still get. */
  room(customer?: string): number {
    const open = this.holds.filter(
      (h) => this.isOpen(h) && (customer ?? h.customer) === h.customer,
    );
    const held = open.reduce((sum, { left }) => sum + left, 0);
    if (customer !== undefined) return this.balances.get(customer)! - held;
    const paid = 100 * CUSTOMERS.length - [...this.balances.values()].reduce((a, b) => a + b, 0);
    return MOST - paid - held;
  }

  /** Why so much may not move, or be held, from a customer to the shop. */
  refusal(customer: string, amount: number): string | undefined {
    if (amount > this.room(customer)) return 'insufficient_funds';
    return amount > this.room() ? 'balance_limit_exceeded' : undefined;
  }

  pay(customer: string, amount: number): void {
    this.balances.set(customer, this.balances.get(customer)! - amount);
  }
}

class Walk {
  readonly model: Model;
  readonly codes = new Map<string, number>();

  constructor(
    private readonly ledger: TestLedger,
    private readonly clock: HoldClock,
    private readonly random: Random,
  ) {
    this.model = new Model(clock);
  }

  /** Runs a command; its code must be the expected one. @returns the answer of an accepted one */
  private async run<Input, Answer>(
    creator: Creator<Input, Answer>,
    input: Input,
    expected: string | undefined,
  ): Promise<Answer | undefined> {
    const { model, codes } = this;
    const now = model.now;
    const before = this.ledger.open.ledger.head.position;
    const outcome = await this.ledger.submit(creator, input);
    const code = outcome.kind === 'refused' ? outcome.refusal.code : undefined;
    expect([creator.name, code]).toEqual([creator.name, expected]);
    const name = `${creator.name} ${code ?? 'accepted'}`;
    codes.set(name, (codes.get(name) ?? 0) + 1);
    if (this.ledger.open.ledger.head.position > before) model.last = now;
    return outcome.kind === 'accepted' ? outcome.answer : undefined;
  }

  private postings(customer: string, amount: number) {
    return [
      { accountId: `client:${customer}`, direction: 'debit' as const, amount: `${amount}` },
      { accountId: 'client:shop', direction: 'credit' as const, amount: `${amount}` },
    ];
  }

  async step(): Promise<void> {
    const { random, clock } = this;
    const dice = random.below(100);
    if (dice < 35) return this.place();
    if (dice < 55) return this.capture();
    if (dice < 62) return this.drop();
    if (dice < 80) return this.post();
    if (dice < 84) return this.sweep();
    if (dice < 86) clock.ms -= random.below(3_000);
    else clock.ms += random.below((14 * WALK_MS) / STEPS);
  }

  private async place(): Promise<void> {
    const { random, clock, model } = this;
    const customer = random.pick(CUSTOMERS);
    const amount = 1 + random.below(30);
    const isPast = random.chance(0.05);
    const ms = isPast ? -random.below(100) : 1 + random.below(4_000);
    const expiresAt = random.chance(0.75) || isPast ? clock.in(ms) : undefined;
    const isTooLate = expiresAt !== undefined && expiresAt <= model.now;
    const refusal = isTooLate ? 'validation_failed' : model.refusal(customer, amount);
    const postings = this.postings(customer, amount);
    const answer = await this.run(PlaceHold, { description: 'x', expiresAt, postings }, refusal);
    if (!answer) return;
    model.holds.push({ id: answer.id, customer, left: amount, expiresAt, status: 'held' });
  }

  private some(): ModelHold | undefined {
    const { random, model } = this;
    const open = model.holds.filter(({ status }) => status === 'held');
    if (model.holds.length === 0) return undefined;
    return random.pick(random.chance(0.9) && open.length > 0 ? open : model.holds);
  }

  private async capture(): Promise<void> {
    const { random, model } = this;
    const hold = this.some();
    if (!hold) return;
    const { id: holdId, customer } = hold;
    const isAll = random.chance(0.5);
    const amount = isAll ? hold.left : 1 + random.below(hold.left + 3);
    const final = random.chance(0.4) ? false : undefined;
    const postings = isAll ? undefined : this.postings(customer, amount);
    const exceeded = amount > hold.left ? 'hold_exceeded' : undefined;
    const refusal = model.isOpen(hold) ? exceeded : 'hold_not_open';
    if (!(await this.run(CaptureHold, { holdId, postings, final }, refusal))) return;
    model.pay(customer, amount);
    hold.left -= amount;
    if (final === undefined || hold.left === 0) hold.status = 'captured';
  }

  private async drop(): Promise<void> {
    const hold = this.some();
    if (!hold) return;
    const refusal = this.model.isOpen(hold) ? undefined : 'hold_not_open';
    if (await this.run(VoidHold, { holdId: hold.id }, refusal)) hold.status = 'voided';
  }

  /** From a customer to the shop, or back. */
  private async post(): Promise<void> {
    const { random, model } = this;
    const customer = random.pick(CUSTOMERS);
    const isBack = random.chance(0.4);
    const amount = 1 + random.below(40);
    const [from, to] = this.postings(customer, amount);
    const swapped = [
      { ...from!, direction: 'credit' as const },
      { ...to!, direction: 'debit' as const },
    ];
    const postings = isBack ? swapped : [from!, to!];
    const refusal = isBack ? undefined : model.refusal(customer, amount);
    const input = { description: 'x', postings };
    if (await this.run(PostTransaction, input, refusal)) {
      model.pay(customer, isBack ? -amount : amount);
    }
  }

  /** What the service does every second, with holds besides that are none of its business. */
  async sweep(): Promise<void> {
    const { model } = this;
    const due = model.holds.filter((hold) => hold.status === 'held' && !model.isOpen(hold));
    const holdIds = [...due, ...model.holds.slice(-3)].map(({ id }) => id);
    await this.run(ExpireHolds, { holdIds }, undefined);
    for (const hold of due) hold.status = 'expired';
  }
}

describe('random commands about holds, with a clock that jumps both ways', () => {
  it('are answered as an independent model answers them, and each hold ends once', async () => {
    const random = seededRandom();
    const clock = new HoldClock();
    const ledger = await startTestLedger({ clock });
    const open = (clientId: string, limits: object) =>
      ledger.accept(OpenAccount, {
        ...{ clientId, name: clientId, type: 'liability', currency: 'USD' },
        ...limits,
      });
    await open('bank', {});
    await open('shop', { maxBalance: `${MOST}` });
    for (const name of CUSTOMERS) {
      await open(name, { minBalance: '0' });
      const postings = [
        { accountId: 'client:bank', direction: 'debit' as const, amount: '100' },
        { accountId: `client:${name}`, direction: 'credit' as const, amount: '100' },
      ];
      await ledger.accept(PostTransaction, { description: 'Deposit', postings });
    }
    const walk = new Walk(ledger, clock, random);
    const { model } = walk;
    model.last = clock.in(0);
    for (let i = 0; i < STEPS; i++) await walk.step();
    process.stderr.write(`${JSON.stringify([...walk.codes])}\n`);
    await walk.sweep();
    const rows = await query<{ hold_id: string; status: string }>(
      ledger.databases.urls.state,
      'select hold_id, status from state.holds order by hold_no',
    );
    expect(rows).toEqual(model.holds.map(({ id, status }) => ({ hold_id: id, status })));
    const ends = await query<{ type: string; data: { holdId: string; final?: boolean } }>(
      ledger.databases.urls.log,
      `select type, data from event_log where type like 'Hold%' and type <> 'HoldPlaced'`,
    );
    const ended = ends.filter(({ data }) => data.final !== false).map(({ data }) => data.holdId);
    expect(new Set(ended).size).toBe(ended.length);
    expect(ended).toHaveLength(model.holds.filter(({ status }) => status !== 'held').length);
  }, 120_000);
});
