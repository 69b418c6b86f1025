import type { ApiAnswer } from '../../harness/api-client';
import { query } from '../../harness/cluster';
import type { TestService } from '../../harness/service';
import { Books, Refused, type Reason } from './books';
import { runOn, type Request } from './commands';
import { expire } from './holds';
import { usesOf } from './limits';
import * as schedules from './schedules';
import { startOf } from './days';
import type { PostedFact } from './sourced';

/** A request with the answer to it. */
export interface Exchange {
  readonly request: Request;
  readonly key: string | undefined;
  readonly dryRun: boolean;
  /** What the clock of the process said that answered. */
  readonly now: string;
  readonly answer: ApiAnswer;
}

interface LoggedEvent {
  readonly position: number;
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly command_id: string;
  readonly correlation_id: string;
  readonly actor: string;
  readonly recorded_at: string;
  readonly hash: Buffer;
}

/** Events in the order of the log, those of one request together; the service's by commands. */
function commandsOf(events: readonly LoggedEvent[]): LoggedEvent[][] {
  const commands: LoggedEvent[][] = [];
  const keyOf = ({ actor, command_id, correlation_id }: LoggedEvent) =>
    actor.startsWith('system:') ? command_id : correlation_id;
  for (const event of events) {
    const last = commands.at(-1);
    if (last && keyOf(last[0]!) === keyOf(event)) last.push(event);
    else commands.push([event]);
  }
  return commands;
}

/** The event of a posting or a hold, and what is used of limits after it. */
interface CountedFact {
  readonly transactionId?: string;
  readonly holdId?: string;
  readonly limits?: readonly {
    readonly accountId: string;
    readonly direction: string;
    readonly uses: readonly { readonly leftThrough?: number; readonly left?: number }[];
  }[];
}

const isHit = ({ answer }: Exchange) => answer.headers.get('idempotency-hit') === 'true';
const positionOf = ({ answer }: Exchange) => Number(answer.headers.get('ledger-position'));
const requestIdOf = ({ answer }: Exchange) => answer.headers.get('x-request-id')!;

/** Judges answers by the model's books, in the order in which the log has what they did. */
export class Judge {
  books = new Books('');
  position = 0;
  readonly codes = new Map<string, number>();
  /** When the last event was recorded: no command is before that. */
  private last = '';
  private lastHash = '';

  constructor(private readonly service: TestService) {}

  /** @param now what the clock said of the process that does what is due, and of the servers */
  async judge(exchanges: readonly Exchange[], now: string, trueNow: string): Promise<void> {
    const events = await query<LoggedEvent>(
      this.service.databases.urls.log,
      `select position, type, data, command_id, correlation_id, actor, recorded_at, hash
       from event_log where position > $1 order by position`,
      [this.position],
    );
    const unseen = new Map(exchanges.filter((e) => !isHit(e)).map((e) => [requestIdOf(e), e]));
    for (const command of commandsOf(events)) {
      const { correlation_id: requestId, actor } = command[0]!;
      const exchange = unseen.get(requestId);
      this.settle(unseen, events);
      unseen.delete(requestId);
      const at = this.timeOf(exchange?.now ?? now);
      expect(command.map((event) => event.recorded_at)).toEqual(command.map(() => at));
      if (exchange) this.answered(exchange, command, at);
      else if (actor.startsWith('system:')) this.byService(command, at, trueNow);
      else throw new Error(`Nobody asked for ${JSON.stringify(command)}`);
      const end = command.at(-1)!;
      [this.position, this.last] = [end.position, end.recorded_at];
      this.lastHash = end.hash.toString('hex');
    }
    this.settle(unseen, events);
    expect([...unseen.values()].map(({ request, answer: { body } }) => [request, body])).toEqual(
      [],
    );
  }

  /** Those that changed nothing are judged by the books that they found. */
  private settle(unseen: Map<string, Exchange>, events: readonly LoggedEvent[]): void {
    const withEvents = new Set(events.map((event) => event.correlation_id));
    for (const [id, exchange] of [...unseen]) {
      const found = exchange.dryRun ? this.position : positionOf(exchange);
      if (withEvents.has(id) || found !== this.position) continue;
      unseen.delete(id);
      this.answered(exchange, [], this.timeOf(exchange.now));
    }
  }

  /** Of a command: the later of its process's clock and the last event. */
  private timeOf(now: string): string {
    return now > this.last ? now : this.last;
  }

  private answered(exchange: Exchange, command: readonly LoggedEvent[], at: string): void {
    const { request, answer, dryRun } = exchange;
    const next = this.books.copy(at);
    for (const { type, data } of command) {
      if (type === 'HoldExpired') expire(next, data['holdId'] as string);
    }
    const facts = dryRun ? undefined : command.map(({ data }) => data as unknown as PostedFact);
    const { body } = answer as ApiAnswer<{ code?: string }>;
    const isRefused = answer.status >= 400;
    this.count(request.kind, isRefused ? body.code! : 'accepted');
    const said = { request, at, position: this.position };
    let expected: object;
    try {
      expected = runOn(next, request, isRefused ? {} : answer.body, isRefused ? undefined : facts);
    } catch (error) {
      if (!(error instanceof Refused)) throw new Error(JSON.stringify(said), { cause: error });
      expectReason({ ...said, body }, error.reasons);
      return;
    }
    expect({ ...said, answer: body }).toMatchObject({ ...said, answer: matchable(expected) });
    if (request.kind === 'closePeriod') {
      const of = { position: this.position + command.length - 1 };
      const before = command.at(-2)?.hash.toString('hex') ?? this.lastHash;
      if (!dryRun) expect(answer.body).toMatchObject({ ...of, hash: before });
    }
    if (dryRun) return;
    this.books = next;
    this.expectUses(command);
  }

  /** The last posting or hold of a command says what is used of limits after it. */
  private expectUses(command: readonly LoggedEvent[]): void {
    const { books } = this;
    const last = command.findLast(({ type }) => /^(TransactionPosted|HoldPlaced)$/.test(type));
    if (!last) return;
    const { transactionId, holdId, limits = [] } = last.data as unknown as CountedFact;
    const said = limits.flatMap(({ accountId, direction, uses }) => {
      // How far the program has read a window is its own affair.
      return uses.map(({ leftThrough: _, left: __, ...use }) => ({ accountId, direction, ...use }));
    });
    const posted = transactionId === undefined ? undefined : books.transactions.get(transactionId)!;
    const isCounted = !posted || (posted.source === null && holdId === undefined);
    const { lines } = posted ?? books.holds.get(holdId!)!;
    const inOrder = (items: readonly object[]) => items.map((item) => JSON.stringify(item)).sort();
    const expected = isCounted ? usesOf(books, lines) : [];
    expect(inOrder(said.map(ordered))).toEqual(inOrder(expected.map(ordered)));
  }

  private count(kind: string, code: string): void {
    const name = `${kind} ${code}`;
    this.codes.set(name, (this.codes.get(name) ?? 0) + 1);
  }

  /** Expiry and schedules: what is due is done, in the order of its instants, and nothing else. */
  private byService(command: readonly LoggedEvent[], at: string, trueNow: string): void {
    const next = this.books.copy(at);
    let posted: PostedFact | undefined;
    for (const { type, data } of command) {
      const id = String(data['holdId'] ?? data['scheduleId']);
      if (type === 'HoldExpired') expire(next, id);
      else if (type === 'TransactionPosted') posted = data as unknown as PostedFact;
      else this.ran(next, id, { type, data, posted }, trueNow);
      this.count('service', type);
    }
    this.books = next;
    this.expectUses(command);
  }

  private ran(
    books: Books,
    id: string,
    { type, data, posted }: Pick<LoggedEvent, 'type' | 'data'> & { posted: PostedFact | undefined },
    trueNow: string,
  ): void {
    const { nextOn } = books.schedules.get(id)!;
    expect(data['on']).toBe(nextOn);
    expect(startOf(nextOn!) <= books.now).toBe(true);
    const [first] = schedules.due(books, books.now < trueNow ? books.now : trueNow);
    expect(first!.nextOn).toBe(nextOn);
    const code = data['code'] as string | undefined;
    const said = { schedule: id, on: nextOn, at: books.now };
    const isPosted = type === 'ScheduledTransactionPosted';
    const how = schedules.run(books, id, isPosted ? (data['transactionId'] as string) : undefined);
    if ('reasons' in how) {
      const codes = how.reasons.map((reason) => ({ code: reason.code }));
      expectReason({ ...said, body: { code } }, codes);
    } else {
      expect({ ...said, code }).toEqual({ ...said, code: undefined });
      const { effectiveDate, postings } = posted!;
      expect(how.view).toMatchObject({ effectiveDate, postings });
    }
    const refusal = code === undefined ? null : { code };
    const transactionId = (data['transactionId'] as string | undefined) ?? null;
    schedules.ran(books, id, { on: nextOn!, transactionId, refusal });
  }
}

function ordered(item: object): object {
  return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** It is refused, for one of the reasons, and the answer says what that reason says. */
function expectReason(said: { body: object }, reasons: readonly Reason[]): void {
  const matching = reasons.filter((reason) =>
    Object.entries(reason).every(([key, value]) => said.body[key as never] === value),
  );
  if (matching.length === 0) expect(said).toEqual({ ...said, body: { oneOf: reasons } });
}

/** What is expected of the items of a batch, each refused for one of its reasons. */
function matchable(expected: object): object {
  const { results } = expected as { results?: (object & { reasons?: readonly Reason[] })[] };
  if (!results) return expected;
  return {
    results: results.map(({ reasons, ...result }) => {
      if (!reasons) return result;
      const codes = `^(${reasons.map(({ code }) => code).join('|')})$`;
      return { problem: { code: expect.stringMatching(codes) as string } };
    }),
  };
}
