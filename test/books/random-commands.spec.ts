import type { ApiAnswer, ApiClient } from '../harness/api-client';
import { query } from '../harness/cluster';
import { rounds } from '../harness/rounds';
import { seededRandom, type Random } from '../harness/seed';
import { startTestService } from '../harness/service';
import { ModelBooks, type LoggedFact, type ModelRequest, type PostRequest } from './model';

const CALLERS = 24;
const REQUESTS = rounds(800, 12_000);
const CLIENT_IDS = 150;
const PAST_VIEWS = rounds(100, 300);

/** A request with its key and the answer to it. */
interface Exchange {
  readonly request: ModelRequest;
  readonly key: string | undefined;
  readonly dryRun: boolean;
  readonly answer: ApiAnswer;
}

/** Chooses requests at random, over accounts and transactions that other callers make as well. */
class Chooser {
  readonly accounts: { id: string; currency: string }[] = [];
  readonly transactions: string[] = [];
  readonly holds: string[] = [];
  /** Those that there are; defined ones come once they are. */
  readonly currencies = ['USD', 'USD', 'USD', 'JPY', 'KWD', 'HRK', 'XAU'];

  constructor(private readonly random: Random) {}

  next(): ModelRequest {
    const { random } = this;
    if (this.accounts.length < 6 || random.chance(0.03)) return this.open();
    if (random.chance(0.02)) return this.define();
    const dice = random.below(100);
    if (dice < 45) return this.post();
    if (dice < 55) return this.hold();
    if (dice < 67) return this.captureOrVoid();
    if (dice < 77) return this.reverse();
    if (dice < 88) return this.change();
    const transactions = Array.from({ length: 1 + random.below(6) }, () => this.post());
    return { kind: 'batch', mode: random.pick(['atomic', 'independent']), transactions };
  }

  private define(): ModelRequest {
    const digits = this.random.below(19);
    return {
      kind: 'define',
      code: this.random.pick(['AB1', 'TOKENS', '12MONTHSOLD', 'USD']),
      digits,
    };
  }

  /** Of an account, other than by posting. */
  private change(): ModelRequest {
    const { random } = this;
    const accountId = this.accountReference();
    const kind = random.pick(['close', 'reopen', 'reopen', 'freeze', 'unfreeze', 'unfreeze']);
    if (random.chance(0.3)) {
      return {
        ...{ kind: 'change', accountId },
        ...(random.chance(0.6) && { minBalance: random.pick([null, '0', '-20', '-100']) }),
        ...(random.chance(0.4) && { maxBalance: random.pick([null, '10', '200']) }),
      };
    }
    if (kind !== 'freeze') return { kind: kind as 'close', accountId };
    return { kind, accountId, side: random.pick(['debits', 'credits', 'all']) };
  }

  private open(): ModelRequest {
    const { random } = this;
    const type = random.pick(['asset', 'liability', 'equity', 'income', 'expense']);
    const currency = random.pick(this.currencies);
    return {
      kind: 'open',
      type,
      currency,
      ...(random.chance(0.3) && { clientId: this.clientId() }),
      ...(random.chance(0.4) && { minBalance: random.pick(['0', '-20', '-5']) }),
      ...(random.chance(0.3) && { maxBalance: random.pick(['10', '50', '200']) }),
    };
  }

  private post(): PostRequest {
    const { random } = this;
    const currency = random.pick(this.accounts).currency;
    const same = this.accounts.filter((a) => a.currency === currency);
    const [debit, credit, third] = [random.pick(same), random.pick(same), random.pick(same)];
    const size = random.chance(0.01) ? 0 : 1 + random.below(12);
    const wrong = random.chance(0.03) ? 1 : 0;
    const postings: PostRequest['postings'][number][] = [
      { accountId: debit.id, direction: 'debit', amount: `${size + 2}` },
      { accountId: credit.id, direction: 'credit', amount: `${size + wrong}` },
      { accountId: third.id, direction: 'credit', amount: '2' },
    ];
    if (random.chance(0.05)) {
      postings[0] = { ...postings[0]!, accountVersion: 1 + random.below(4) };
    }
    if (random.chance(0.02)) postings[0] = { ...postings[0]!, accountId: this.accountReference() };
    const [clientId] = random.chance(0.15) ? [this.clientId()] : [];
    return { kind: 'post', postings, ...this.date(), ...(clientId !== undefined && { clientId }) };
  }

  private hold(): ModelRequest {
    const { postings, clientId } = this.post();
    return { kind: 'hold', postings, ...(clientId !== undefined && { clientId }) };
  }

  private captureOrVoid(): ModelRequest {
    const { random, holds } = this;
    const known = holds.length > 0 && random.chance(0.97);
    // The latest are most often open.
    const latest = holds.slice(-40);
    const holdId = known ? random.pick(latest) : `client:${this.clientId()}`;
    if (random.chance(0.2)) return { kind: 'void', holdId };
    const { postings, clientId, effectiveDate } = this.post();
    return {
      ...{ kind: 'capture', holdId },
      ...(clientId !== undefined && { clientId }),
      ...(effectiveDate !== undefined && { effectiveDate }),
      ...(random.chance(0.5) && { final: random.chance(0.3) }),
      ...(random.chance(0.1) && { postings: postings.filter((p) => p.amount !== '0') }),
    };
  }

  private reverse(): ModelRequest {
    const known = this.transactions.length > 0 && this.random.chance(0.97);
    const transactionId = known ? this.random.pick(this.transactions) : `client:${this.clientId()}`;
    return { kind: 'reverse', transactionId, ...this.date() };
  }

  /** Some day, seldom one that is to come. */
  private date(): { effectiveDate?: string } {
    const dice = this.random.below(100);
    if (dice < 60) return {};
    if (dice < 97) return { effectiveDate: `20${10 + this.random.below(15)}-02-28` };
    return { effectiveDate: `2999-12-${10 + this.random.below(20)}` };
  }

  private accountReference(): string {
    const reference = this.random.below(10);
    if (reference < 7) return this.random.pick(this.accounts).id;
    if (reference < 9) return `client:${this.clientId()}`;
    return '00000000-0000-7000-8000-000000000000';
  }

  private clientId(): string {
    return `c${this.random.below(CLIENT_IDS)}`;
  }
}

function send(
  api: ApiClient,
  request: ModelRequest,
  options: { idempotencyKey: string | undefined; dryRun: boolean },
): Promise<ApiAnswer> {
  const bodyOf = ({ clientId, effectiveDate, postings }: PostRequest) => {
    return { description: 'Random', clientId, effectiveDate, postings };
  };
  switch (request.kind) {
    case 'define': {
      const { code, digits } = request;
      return api.post('/v1/currencies', { code, digits, name: 'Random' }, options);
    }
    case 'open': {
      const { clientId, type, currency, minBalance, maxBalance } = request;
      const body = { name: 'Random', clientId, type, currency, minBalance, maxBalance };
      return api.post('/v1/accounts', body, options);
    }
    case 'close':
      return api.post(`/v1/accounts/${request.accountId}/close`, {}, options);
    case 'change': {
      const { minBalance, maxBalance } = request;
      return api.patch(`/v1/accounts/${request.accountId}`, { minBalance, maxBalance }, options);
    }
    case 'freeze':
    case 'unfreeze':
    case 'reopen': {
      const { kind, accountId, ...rest } = request;
      const body = { ...rest, reason: 'Random' };
      return api.post(`/v1/accounts/${accountId}/${kind}`, body, options);
    }
    case 'post':
      return api.post('/v1/transactions', bodyOf(request), options);
    case 'hold': {
      const { clientId, postings } = request;
      return api.post('/v1/holds', { description: 'Random', clientId, postings }, options);
    }
    case 'capture': {
      const { holdId, clientId, effectiveDate, final, postings } = request;
      const body = { clientId, effectiveDate, final, postings };
      return api.post(`/v1/holds/${holdId}/capture`, body, options);
    }
    case 'void':
      return api.post(`/v1/holds/${request.holdId}/void`, {}, options);
    case 'reverse': {
      const { transactionId, effectiveDate } = request;
      return api.post(`/v1/transactions/${transactionId}/reverse`, { effectiveDate }, options);
    }
    case 'batch': {
      const { mode, transactions } = request;
      const body = { mode, transactions: transactions.map(bodyOf) };
      return api.post('/v1/transactions/batch', body, options);
    }
  }
}

/** Sends random requests from many callers at once, some of them twice with one key. */
async function converse(api: ApiClient, random: Random): Promise<Exchange[]> {
  const chooser = new Chooser(random);
  const exchanges: Exchange[] = [];
  let sent = 0;
  const exchange = async (request: ModelRequest, key: string | undefined, dryRun: boolean) => {
    const answer = await send(api, request, { idempotencyKey: key, dryRun });
    exchanges.push({ request, key, dryRun, answer });
    if (answer.status !== 201 || dryRun) return;
    const { id } = answer.body as { id: string };
    if (request.kind === 'define') chooser.currencies.push(request.code);
    else if (request.kind === 'open') chooser.accounts.push({ id, currency: request.currency });
    else if (request.kind === 'hold') chooser.holds.push(id);
    else if (['post', 'capture'].includes(request.kind)) chooser.transactions.push(id);
  };
  const caller = async () => {
    while (sent++ < REQUESTS) {
      const request = chooser.next();
      const key = random.chance(0.5) ? `key ${sent}` : undefined;
      const mayBeDry = key === undefined && !MAY_BE_SO.includes(request.kind);
      const dryRun = mayBeDry && random.chance(0.15);
      const isTwice = key !== undefined && random.chance(0.2);
      await Promise.all([
        exchange(request, key, dryRun),
        ...(isTwice ? [exchange(request, key, dryRun)] : []),
      ]);
      const old = key === undefined && random.chance(0.1) ? random.pick(exchanges) : undefined;
      if (old?.key !== undefined) await exchange(old.request, old.key, false);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return exchanges;
}

const isHit = ({ answer }: Exchange) => answer.headers.get('idempotency-hit') === 'true';
const positionOf = ({ answer }: Exchange) => Number(answer.headers.get('ledger-position'));

/** What may be asked for that is so already, and appends nothing then. */
const MAY_BE_SO = ['change', 'freeze'];

/**
 * How many events the request appended, or would have appended.
 * @param appended requests by the positions of their events
 */
function eventsOf(exchange: Exchange, appended: ReadonlyMap<number, string>): number {
  const { request, answer } = exchange;
  if (answer.status >= 400) return 0;
  if (MAY_BE_SO.includes(request.kind)) {
    return appended.get(positionOf(exchange)) === answer.headers.get('x-request-id') ? 1 : 0;
  }
  // The hold's event, and then the transaction.
  if (request.kind === 'capture') return 2;
  if (request.kind !== 'batch') return 1;
  const { results } = answer.body as { results: { status: number }[] };
  return results.filter((r) => r.status === 201).length;
}

/** Brings an answer into the form of the model's verdicts. */
function verdictOf({ request, answer }: Exchange): object {
  const { body } = answer as ApiAnswer<{ code?: string; index?: number; results: BatchResult[] }>;
  if (answer.status >= 400) {
    return { code: body.index === undefined ? body.code : `${body.code} at ${body.index}` };
  }
  if (request.kind !== 'batch') return { answer: body };
  const results = body.results.map(({ transaction, problem }) =>
    transaction ? { answer: transaction } : { code: problem?.code },
  );
  return { answer: { results } };
}

interface BatchResult {
  transaction?: object;
  problem?: { code: string };
}

function expectHitsToRepeat(exchanges: readonly Exchange[]): void {
  const byKey = Map.groupBy(
    exchanges.filter((e) => e.key !== undefined),
    (e) => e.key!,
  );
  for (const same of byKey.values()) {
    const first = same.filter((e) => !isHit(e));
    expect(first).toHaveLength(1);
    for (const { answer } of same.filter(isHit)) {
      expect(answer.status).toBe(first[0]!.answer.status);
      expect(answer.body).toEqual(first[0]!.answer.body);
    }
  }
}

describe('random commands over HTTP', () => {
  it('are answered as an independent model of the books answers them', async () => {
    const random = seededRandom();
    const { api, databases } = await startTestService();
    const exchanges = await converse(api, random);
    expect(exchanges.filter((e) => e.answer.status >= 500)).toEqual([]);
    expectHitsToRepeat(exchanges);

    const facts = await query<LoggedFact & { correlation_id: string }>(
      databases.urls.log,
      'select position, type, data, correlation_id from event_log order by position',
    );
    const appended = new Map(facts.map((fact) => [fact.position, fact.correlation_id]));
    // Each answer is judged by the books that its command found.
    const pending = exchanges
      .filter((e) => !isHit(e))
      .map((e) => ({ exchange: e, found: positionOf(e) - eventsOf(e, appended) }))
      .sort((a, b) => b.found - a.found);
    const books = new ModelBooks();
    const past: { id: string; at: number; view: object }[] = [];
    const judge = () => {
      for (let last = pending.at(-1); last?.found === books.position; last = pending.at(-1)) {
        const { exchange } = pending.pop()!;
        expect(verdictOf(exchange)).toMatchObject(books.judge(exchange.request));
      }
    };
    judge();
    for (const fact of facts) {
      books.fold(fact);
      expect([...books.imbalance().values()].every((sum) => sum === 0n)).toBe(true);
      judge();
      if (random.chance(PAST_VIEWS / facts.length)) {
        const id = random.pick(books.accountIds);
        past.push({ id, at: fact.position, view: books.view(id)! });
      }
    }
    expect(pending).toEqual([]);

    for (const id of books.accountIds) {
      expect((await api.get(`/v1/accounts/${id}`)).body).toMatchObject(books.view(id)!);
    }
    for (const { id, at, view } of past) {
      const { body } = await api.get(`/v1/accounts/${id}?atPosition=${at}`);
      expect(body).toMatchObject(view);
    }
    const codes = exchanges.map((e) => (e.answer.body as { code?: string }).code ?? 'accepted');
    const counts = Object.entries(Object.groupBy(codes, (code) => code));
    process.stderr.write(`${counts.map(([code, of]) => `${code} ${of?.length}`).join(', ')}\n`);
  }, 300_000);
});
