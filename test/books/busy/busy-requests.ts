import type { ApiAnswer, ApiClient } from '../../harness/api-client';
import type { Random } from '../../harness/seed';

/** What is asked for, and what of it an accepted request appends: exactly, or at most. */
export const APPENDED = {
  post: { TransactionPosted: 1 },
  place: { HoldPlaced: 1 },
  capture: { HoldCaptured: 1, TransactionPosted: 1 },
  void: { HoldVoided: 1 },
  limit: { LimitCreated: 1 },
  changeLimit: { LimitChanged: 1 },
  removeLimit: { LimitRemoved: 1 },
  schedule: { TransactionScheduled: 1 },
  cancel: { ScheduledTransactionCancelled: 1 },
  change: { AccountChanged: 1 },
  freeze: { AccountFrozen: 'at most 1' },
  unfreeze: { AccountUnfrozen: 1 },
  closeAccount: { AccountClosed: 1 },
  reopenAccount: { AccountReopened: 1 },
  accrue: { InterestAccrued: 1 },
  reverseAccrual: { InterestAccrualReversed: 1 },
  closePeriod: { PeriodClosed: 1 },
  reopenPeriod: { PeriodReopened: 1 },
} as const;
export type Kind = keyof typeof APPENDED;

/** A request with its key, and the answer to it, if one came. */
export interface BusyRequest {
  readonly kind: Kind;
  readonly key: string;
  readonly path: string;
  readonly body: object;
  answer?: ApiAnswer;
}

/** What leaves this account in a day, captures of holds not counted. */
export const DAILY_LIMIT = 150;
const CUSTOMERS = ['anna', 'ben', 'cleo', 'vault', 'limited'];
const MONTH_DAYS = 28;
/** Holds, limits and others that were made last: what callers race for. */
const RECENT = 5;

interface Held {
  readonly id: string;
  readonly from: string;
  readonly amount: number;
}

/** Opens the accounts that the requests are about. */
export async function openBusyBooks({ api }: { readonly api: ApiClient }): Promise<void> {
  const made = async (path: string, body: object) => {
    const answer = await api.post(path, body);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  };
  const types = {
    ...{ till: 'asset', shop: 'liability', savings: 'liability', spare: 'liability' },
    ...{ sales: 'income', interest: 'expense', equity: 'equity' },
  };
  const open = (clientId: string, type: string, rest: object = {}) =>
    made('/v1/accounts', { clientId, name: clientId, type, currency: 'USD', ...rest });
  for (const [clientId, type] of Object.entries(types)) await open(clientId, type);
  const deposit = (to: string, effectiveDate?: string) =>
    made('/v1/transactions', {
      ...{ description: 'Deposit', ...(effectiveDate !== undefined && { effectiveDate }) },
      postings: postings('till', to, 10_000),
    });
  for (const clientId of CUSTOMERS) {
    await open(clientId, 'liability', { minBalance: '0' });
    await deposit(clientId);
  }
  await deposit('savings', '2024-01-01');
  const of = { accountId: 'client:limited', direction: 'debit', currency: 'USD' };
  await made('/v1/limits', { ...of, amount: `${DAILY_LIMIT}`, per: 'day' });
}

function postings(debit: string, credit: string, amount: number) {
  return [
    { accountId: `client:${debit}`, direction: 'debit', amount: `${amount}` },
    { accountId: `client:${credit}`, direction: 'credit', amount: `${amount}` },
  ];
}

/** Makes requests of every kind at random, and learns from answers what there is. */
export class BusyRequests {
  readonly all: BusyRequest[] = [];
  private readonly holds: Held[] = [];
  private readonly known = new Map<Kind, string[]>();
  private count = 0;
  private accruedDays = 0;
  private closedDays = 0;

  constructor(private readonly random: Random) {}

  /** A request that was not made before; it is among all. */
  next(): BusyRequest {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 22) return this.ask('post', '/v1/transactions', this.payment());
    if (dice < 42) return this.place();
    if (dice < 60) return this.end();
    if (dice < 68) return this.limits();
    if (dice < 76) return this.schedules();
    if (dice < 86) return this.accounts();
    if (dice < 93) return this.accruals();
    return this.periods();
  }

  /** Remembers what came of a request. */
  learn(request: BusyRequest, answer: ApiAnswer): void {
    request.answer = answer;
    const { kind, body } = request;
    if (answer.status >= 300) return;
    const { id } = answer.body as { id: string };
    if (kind === 'place') {
      const [debit] = (body as { postings: ReturnType<typeof postings> }).postings;
      const from = debit!.accountId.replace('client:', '');
      this.holds.push({ id, from, amount: Number(debit!.amount) });
      return;
    }
    this.known.set(kind, [...(this.known.get(kind) ?? []), id]);
  }

  private ask(kind: Kind, path: string, body: object): BusyRequest {
    const request = { kind, key: `${kind} ${this.count++}`, path, body };
    this.all.push(request);
    return request;
  }

  /** Some go to equity by way of sales, dated into what periods close. */
  private payment(): object {
    const { random } = this;
    const amount = 1 + random.below(9);
    const description = 'Payment';
    if (random.chance(0.7)) {
      return { description, postings: postings(random.pick(CUSTOMERS), 'shop', amount) };
    }
    const effectiveDate = day(2023, random.below(12 * MONTH_DAYS));
    return { description, effectiveDate, postings: postings('till', 'sales', amount) };
  }

  private place(): BusyRequest {
    const { random } = this;
    const expiresAt = new Date(Date.now() + 200 + random.below(2_500)).toISOString();
    const held = postings(random.pick(CUSTOMERS), 'shop', 1 + random.below(20));
    return this.ask('place', '/v1/holds', {
      ...{ description: 'Hold', postings: held, ...(random.chance(0.6) && { expiresAt }) },
    });
  }

  /** Captures a hold, in part or as a whole, or voids it. */
  private end(): BusyRequest {
    const { random, holds } = this;
    if (holds.length === 0) return this.place();
    const { id, from, amount } = random.pick(holds.slice(-RECENT));
    if (random.chance(0.25)) return this.ask('void', `/v1/holds/${id}/void`, {});
    const path = `/v1/holds/${id}/capture`;
    if (random.chance(0.3)) return this.ask('capture', path, {});
    const part = postings(from, 'shop', 1 + random.below(amount));
    return this.ask('capture', path, { postings: part, final: random.chance(0.4) });
  }

  private limits(): BusyRequest {
    const { random } = this;
    const id = this.recent('limit');
    const amount = `${100_000 + random.below(100_000)}.${10 + random.below(90)}`;
    if (id === undefined || random.chance(0.4)) {
      const of = { accountId: `client:${random.pick(CUSTOMERS)}`, direction: 'debit' };
      const per = random.pick(['day', 'week', 'month', 'rolling-24h']);
      return this.ask('limit', '/v1/limits', { ...of, currency: 'USD', amount, per });
    }
    if (random.chance(0.5)) return this.ask('removeLimit', `/v1/limits/${id}/remove`, {});
    return this.ask('changeLimit', `/v1/limits/${id}`, { amount });
  }

  /** Due today, which is at once. */
  private schedules(): BusyRequest {
    const { random } = this;
    const id = this.recent('schedule');
    if (id !== undefined && random.chance(0.2)) {
      return this.ask('cancel', `/v1/scheduled-transactions/${id}/cancel`, {});
    }
    return this.ask('schedule', '/v1/scheduled-transactions', {
      ...{ description: 'Due', postOn: new Date().toISOString().slice(0, 10) },
      postings: postings(random.pick(CUSTOMERS), 'shop', 1 + random.below(9)),
      ...(random.chance(0.3) && { repeat: 'monthly' }),
    });
  }

  private accounts(): BusyRequest {
    const { random } = this;
    const [vault, spare] = ['/v1/accounts/client:vault', '/v1/accounts/client:spare'];
    const reason = 'Asked for';
    switch (random.below(5)) {
      case 0: {
        const side = random.pick(['debits', 'credits', 'all']);
        return this.ask('freeze', `${vault}/freeze`, { side, reason });
      }
      case 1:
        return this.ask('unfreeze', `${vault}/unfreeze`, { reason });
      case 2:
        return this.ask('closeAccount', `${spare}/close`, {});
      case 3:
        return this.ask('reopenAccount', `${spare}/reopen`, { reason });
      default:
        return this.ask('change', vault, { name: `Name ${this.count}` });
    }
  }

  private accruals(): BusyRequest {
    const { random } = this;
    const id = this.recent('accrue', 1);
    if (id !== undefined && random.chance(0.4)) {
      return this.ask('reverseAccrual', `/v1/interest-accruals/${id}/reverse`, { reason: 'Wrong' });
    }
    this.accruedDays += 1 + random.below(5);
    return this.ask('accrue', '/v1/interest-accruals', {
      ...{ through: day(2024, this.accruedDays % (20 * MONTH_DAYS)), annualRate: '0.0425' },
      ...{ dayCount: 'actual/365', accountIds: ['client:savings'] },
      expenseAccountId: 'client:interest',
    });
  }

  private periods(): BusyRequest {
    const { random } = this;
    const id = this.recent('closePeriod', 1);
    if (id !== undefined && random.chance(0.5)) {
      return this.ask('reopenPeriod', `/v1/period-closes/${id}/reopen`, { reason: 'Late' });
    }
    this.closedDays += random.below(3);
    const through = day(2023, this.closedDays % (12 * MONTH_DAYS));
    return this.ask('closePeriod', '/v1/period-closes', { through, closeTo: ['client:equity'] });
  }

  private recent(kind: Kind, of = RECENT): string | undefined {
    const ids = this.known.get(kind) ?? [];
    return ids.length === 0 ? undefined : this.random.pick(ids.slice(-of));
  }
}

/** The nth of the first 28 days of the months from January on. */
function day(year: number, n: number): string {
  const month = Math.floor(n / MONTH_DAYS);
  const at = [year + Math.floor(month / 12), 1 + (month % 12), 1 + (n % MONTH_DAYS)];
  return at.map((part) => String(part).padStart(2, '0')).join('-');
}

/** Sends a request with its key. */
export function sendBusy(api: ApiClient, { kind, key, path, body }: BusyRequest) {
  const isChange = kind === 'change' || kind === 'changeLimit';
  return isChange
    ? api.patch(path, body, { idempotencyKey: key })
    : api.post(path, body, { idempotencyKey: key });
}
