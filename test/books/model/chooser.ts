import { DAY_COUNTS } from '../../../src/books/interest/day-count';
import type { Random } from '../../harness/seed';
import { find, type Account, type Books } from './books';
import type { Kind, Request } from './commands';
import { addDays, DAY_MS, HOUR_MS } from './days';
import type { PostingBody } from './transactions';

export const GROUPS = ['people', 'people:rich', 'people:poor', 'shops', null];
/** Accounts that go from group to group, and are often posted to. */
export const MOVING = ['p0', 'p1', 'p2'];
const CLIENT_IDS = 120;
const NOBODY = '00000000-0000-7000-8000-000000000000';

/** How often what is asked for; it is chosen among what there is. */
const WEIGHTS: readonly (readonly [kind: Kind, weight: number])[] = [
  ['post', 27],
  ['hold', 10],
  ['capture', 9],
  ['void', 2],
  ['reverse', 6],
  ['batch', 4],
  ['change', 8],
  ['close', 2],
  ['reopen', 3],
  ['freeze', 2],
  ['unfreeze', 3],
  ['open', 1],
  ['define', 1],
  ['limit', 3],
  ['changeLimit', 2],
  ['removeLimit', 1],
  ['schedule', 4],
  ['cancel', 1],
  ['closePeriod', 3],
  ['reopenPeriod', 2],
  ['accrue', 5],
  ['reverseAccrual', 3],
];

/** Chooses requests at random, about what the model knows that there is. */
export class Chooser {
  constructor(
    private readonly random: Random,
    private readonly books: Books,
    /** What interest is posted against: nothing else happens to these. */
    private readonly interest: { readonly expense: string; readonly income: string },
  ) {}

  next(): Request {
    const { random } = this;
    let dice = random.below(WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0));
    const [kind] = WEIGHTS.find(([, weight]) => (dice -= weight) < 0)!;
    const request = this.about(kind);
    return request ?? { kind: 'post', body: this.posting() };
  }

  private about(kind: Kind): Request | undefined {
    const { random } = this;
    switch (kind) {
      case 'post':
        return { kind, body: this.posting() };
      case 'batch': {
        const transactions = Array.from({ length: 1 + random.below(5) }, () => this.posting());
        const mode = random.pick(['atomic', 'independent']);
        const items = transactions.map((item) => ({ description: 'Random', ...item }));
        return { kind, body: { mode, transactions: items } };
      }
      case 'hold':
        return { kind, body: this.hold() };
      case 'capture':
        return this.capture();
      case 'void':
        return this.withId(kind, this.holdId(), {});
      case 'reverse': {
        const latest = [...this.books.transactions.keys()].slice(-60);
        return this.withId(kind, this.reference(latest), this.date());
      }
      case 'open':
        return { kind, body: this.opening() };
      case 'define': {
        const code = random.pick(['AB1', 'TOKENS', '12MONTHSOLD', 'USD']);
        return { kind, body: { code, digits: random.below(7) } };
      }
      case 'change':
        if (random.chance(0.4)) return this.move();
        return this.withId(kind, this.accountReference(), this.change());
      case 'freeze': {
        const side = random.pick(['debits', 'credits', 'all']);
        return this.withId(kind, this.accountReference(), { side });
      }
      case 'unfreeze': {
        const frozen = this.accounts().filter((account) => account.frozen !== null);
        return this.withId(kind, this.reference(frozen.map(({ id }) => id)), {});
      }
      case 'close': {
        const empty = this.accounts().filter(({ debits, credits }) => debits === credits);
        const id = random.chance(0.6)
          ? this.reference(empty.map((account) => account.id))
          : undefined;
        return this.withId(kind, id ?? this.accountReference(), {});
      }
      case 'reopen': {
        const closed = this.accounts().filter((account) => account.isClosed);
        return this.withId(kind, this.reference(closed.map(({ id }) => id)), {});
      }
      default:
        return this.later(kind);
    }
  }

  /** Of limits, schedules, periods and interest. */
  private later(kind: Kind): Request | undefined {
    const { random, books } = this;
    switch (kind) {
      case 'limit':
        return this.limit();
      case 'changeLimit': {
        const body = random.chance(0.5)
          ? { amount: `${20 + random.below(500)}` }
          : { count: 1 + random.below(8) };
        return this.withId(kind, this.limitId(), body);
      }
      case 'removeLimit':
        return this.withId(kind, this.limitId(), {});
      case 'schedule':
        return { kind, body: this.schedule() };
      case 'cancel':
        return this.withId(kind, this.reference([...books.schedules.keys()]), {});
      case 'closePeriod':
        return this.closing();
      case 'reopenPeriod': {
        const latest = [...books.closes.keys()].slice(-3);
        return this.withId(kind, this.reference(latest), {});
      }
      case 'accrue':
        return this.accrual();
      default: {
        const latest = [...books.accruals.keys()].slice(-6);
        return this.withId(kind, this.reference(latest), {});
      }
    }
  }

  private withId(kind: Kind, id: string | undefined, body: object): Request | undefined {
    return id === undefined ? undefined : { kind, id, body };
  }

  /** One of the ids, or its client id; seldom another. */
  private reference(ids: readonly string[]): string | undefined {
    const { random, books } = this;
    if (random.chance(0.03)) return NOBODY;
    if (ids.length === 0) return undefined;
    const id = random.pick(ids);
    const { accounts, transactions, holds, limits, schedules } = books;
    const all = [accounts, transactions, holds, limits, schedules];
    const clientId = all.map((items) => items.get(id)?.clientId).find((known) => known);
    return clientId && random.chance(0.5) ? `client:${clientId}` : id;
  }

  private accounts(): Account[] {
    const spared = [this.interest.expense, this.interest.income];
    return [...this.books.accounts.values()].filter(({ id }) => !spared.includes(id));
  }

  private accountReference(): string {
    const { random } = this;
    if (random.chance(0.03)) return random.pick([NOBODY, `client:${this.newClientId()}`]);
    const { id, clientId } = random.pick(this.accounts());
    return clientId !== null && random.chance(0.5) ? `client:${clientId}` : id;
  }

  private newClientId(): string {
    return `c${this.random.below(CLIENT_IDS)}`;
  }

  private clientId(probability: number): { clientId?: string } {
    return this.random.chance(probability) ? { clientId: this.newClientId() } : {};
  }

  private amount(digits: number): string {
    const { random } = this;
    if (random.chance(0.01)) return '0';
    // More than any limit lets through, so that its refusal says what is used.
    if (random.chance(0.04)) return '99999999';
    const whole = 1 + random.below(random.pick([12, 60, 400]));
    return digits > 0 && random.chance(0.3) ? `${whole}.${1 + random.below(9)}` : `${whole}`;
  }

  postings(): PostingBody[] {
    const { random } = this;
    const { currency, digits } = random.pick(this.accounts());
    // What is closed or frozen is seldom asked for.
    const all = this.accounts().filter((account) => account.currency === currency);
    const usable = all.filter(({ isClosed, frozen }) => !isClosed && frozen === null);
    const same = usable.length > 1 && random.chance(0.9) ? usable : all;
    const moving = same.filter(({ clientId }) => MOVING.includes(clientId ?? ''));
    const pick = () => random.pick(moving.length > 0 && random.chance(0.4) ? moving : same).id;
    const amount = this.amount(digits);
    const postings: PostingBody[] = [
      { accountId: pick(), direction: 'debit', amount },
      { accountId: pick(), direction: 'credit', amount },
    ];
    if (random.chance(0.15)) {
      const second = this.amount(digits);
      const of = (direction: 'debit' | 'credit') => ({
        accountId: pick(),
        direction,
        amount: second,
      });
      postings.splice(1, 0, of('credit'), of('debit'));
    }
    if (random.chance(0.02)) postings[0] = { ...postings[0]!, amount: '7' };
    if (random.chance(0.02)) postings[0] = { ...postings[0]!, accountId: this.accountReference() };
    return postings;
  }

  posting(): object {
    const { random } = this;
    const [first, ...others] = this.postings();
    const account = this.books.accounts.get(first!.accountId);
    const accountVersion = (account?.version ?? 1) + (random.chance(0.7) ? 0 : 1);
    const asked = random.chance(0.05) ? { ...first!, accountVersion } : first!;
    return { ...this.clientId(0.1), ...this.date(), postings: [asked, ...others] };
  }

  /** Mostly today; also around the last closed day, which others may move meanwhile. */
  private date(): { effectiveDate?: string } {
    const { random, books } = this;
    const dice = random.below(100);
    if (dice < 62) return {};
    const closed = books.lastClose?.through;
    if (dice < 72 && closed !== undefined) {
      return { effectiveDate: addDays(closed, random.below(3)) };
    }
    if (dice < 98) return { effectiveDate: addDays(books.today, -random.below(40)) };
    return { effectiveDate: addDays(books.today, 1) };
  }

  private opening(): object {
    const { random } = this;
    return {
      ...this.clientId(0.4),
      type: random.pick(['asset', 'liability', 'equity', 'income', 'expense']),
      currency: random.pick([...this.books.currencies.keys()]),
      group: random.pick(GROUPS),
      ...(random.chance(0.3) && { minBalance: random.pick(['0', '-20', '-5']) }),
      ...(random.chance(0.2) && { maxBalance: random.pick(['10', '500', '2000']) }),
    };
  }

  /** To a group with other limits, and back within their windows. */
  private move(): Request {
    const { random } = this;
    const group = random.pick(['people', 'people:rich', 'shops', null]);
    return { kind: 'change', id: `client:${random.pick(MOVING)}`, body: { group } };
  }

  private change(): object {
    const { random } = this;
    return {
      ...(random.chance(0.4) && { group: random.pick(GROUPS) }),
      ...(random.chance(0.4) && { minBalance: random.pick([null, '0', '-100', '-1000']) }),
      ...(random.chance(0.3) && { maxBalance: random.pick([null, '200', '5000']) }),
    };
  }

  private hold(): object {
    const { random, books } = this;
    const postings = this.postings();
    const most = random.pick([60_000, 6 * HOUR_MS, 3 * DAY_MS]);
    const ms = random.chance(0.04) ? -random.below(2) : 1 + random.below(most);
    const expiresAt = new Date(Date.parse(books.now) + ms).toISOString();
    return { ...this.clientId(0.1), ...(random.chance(0.7) && { expiresAt }), postings };
  }

  private holdId(): string | undefined {
    const all = [...this.books.holds.values()];
    const open = all.filter(({ status }) => status === 'held');
    const some = this.random.chance(0.9) && open.length > 0 ? open : all;
    return this.reference(some.slice(-40).map(({ id }) => id));
  }

  private capture(): Request | undefined {
    const { random, books } = this;
    const id = this.holdId();
    if (id === undefined) return undefined;
    const amount = `${1 + random.below(40)}`;
    const lines = find(books.holds, id)?.lines.slice(0, 2) ?? [];
    const postings = lines.map(({ accountId, direction }) => ({ accountId, direction, amount }));
    const isPart = postings.length > 0 && random.chance(0.4);
    const body = {
      ...this.clientId(0.1),
      ...this.date(),
      ...(random.chance(0.5) && { final: random.chance(0.3) }),
      ...(isPart && { postings }),
    };
    return { kind: 'capture', id, body };
  }

  private limitId(): string | undefined {
    return this.reference([...this.books.limits.keys()].slice(-14));
  }

  private limit(): Request | undefined {
    const { random, books } = this;
    const inForce = [...books.limits.values()].filter(({ isRemoved }) => !isRemoved);
    if (inForce.length > 14) return undefined;
    const account = random.pick(this.accounts());
    const isGroup = random.chance(0.5);
    const target = isGroup
      ? { group: random.pick(GROUPS.filter((group) => group !== null)) }
      : { accountId: account.id };
    const most = random.pick([
      { amount: `${20 + random.below(600)}` },
      { count: 1 + random.below(6) },
      { amount: `${20 + random.below(600)}`, count: 2 + random.below(6) },
    ]);
    const body = {
      ...{ ...this.clientId(0.2), ...target, ...most },
      direction: random.pick(['debit', 'credit']),
      currency: isGroup || random.chance(0.03) ? 'USD' : account.currency,
      per: random.pick(['day', 'week', 'month', 'rolling-24h', 'rolling-24h']),
    };
    return { kind: 'limit', body };
  }

  private schedule(): object {
    const { random, books } = this;
    const { today } = books;
    const first = random.chance(0.3) ? lastOfMonth(today) : addDays(today, random.below(4));
    const postOn = random.chance(0.04) ? addDays(today, -1) : first;
    const repeat = random.pick([undefined, 'daily', 'weekly', 'monthly', 'yearly']);
    const until = addDays(postOn, random.below(30));
    return {
      ...{ ...this.clientId(0.1), postings: this.postings(), postOn },
      ...(repeat !== undefined && { repeat }),
      ...(repeat !== undefined && random.chance(0.4) && { until }),
    };
  }

  private closing(): Request {
    const { random, books } = this;
    const last = books.lastClose?.through;
    const soon = last !== undefined && random.chance(0.6) ? addDays(last, 1 + random.below(6)) : '';
    const through = soon === '' ? addDays(books.today, -1 - random.below(25)) : soon;
    const equity = this.accounts().filter(({ type }) => type === 'equity');
    const byCurrency = new Map(equity.map(({ currency, id }) => [currency, id]));
    const closeTo = [...byCurrency.values()].filter(() => random.chance(0.95));
    if (random.chance(0.02)) closeTo.push(this.accountReference());
    return {
      kind: 'closePeriod',
      body: { through, ...(closeTo.length > 0 && random.chance(0.7) && { closeTo }) },
    };
  }

  private accrual(): Request {
    const { random, books } = this;
    const bearing = this.accounts().filter(
      ({ type, currency }) => ['asset', 'liability'].includes(type) && currency === 'USD',
    );
    const some = bearing.filter(() => random.chance(0.4)).map(({ id }) => id);
    if (random.chance(0.05)) some.push(this.accountReference());
    const choice =
      some.length > 0 && random.chance(0.9) ? { accountIds: some } : { group: 'people' };
    const { expense, income } = this.interest;
    const days = random.below(random.pick([2, 4, 15])) - (random.chance(0.04) ? 4 : 0);
    const body = {
      ...choice,
      through: addDays(books.today, -days),
      annualRate: random.pick(['0.01825', '0.0425', '0.9', '0.36']),
      dayCount: random.pick(DAY_COUNTS),
      compounding: random.pick(['none', 'posted']),
      expenseAccountId: expense,
      ...(random.chance(0.8) && { incomeAccountId: income }),
      onRefusal: random.pick(['refuse', 'skip', 'skip']),
    };
    return { kind: 'accrue', body };
  }
}

function lastOfMonth(day: string): string {
  let last = day;
  while (addDays(last, 1).slice(0, 7) === day.slice(0, 7)) last = addDays(last, 1);
  return last;
}
