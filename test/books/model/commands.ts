import type { ApiAnswer, ApiClient, RequestOptions } from '../../harness/api-client';
import * as accounts from './accounts';
import type { Books } from './books';
import * as holds from './holds';
import * as interest from './interest';
import * as limits from './limits';
import * as periods from './periods';
import * as schedules from './schedules';
import type { PostedFact } from './sourced';
import * as transactions from './transactions';
import type { Answer } from './transactions';

/** A request of the API: what it is about, where that is in the path, and its body. */
export interface Request {
  readonly kind: Kind;
  readonly id?: string;
  readonly body: object;
}

/** What the model needs besides the request: ids from the answer, and the events of facts. */
interface Given {
  readonly id: string;
  readonly answer: Answer;
  readonly facts: readonly PostedFact[] | undefined;
}

interface Command {
  readonly method: 'post' | 'patch';
  readonly path: string;
  /** Changes the books. @returns parts of the answer @throws Refused */
  readonly run: (books: Books, reference: string, body: never, given: Given) => object;
}

const post = (path: string, run: Command['run']): Command => ({ method: 'post', path, run });
const patch = (path: string, run: Command['run']): Command => ({ method: 'patch', path, run });

const commands = {
  define: post('currencies', (books, _, body) => accounts.define(books, body)),
  open: post('accounts', (books, _, body, { id }) => accounts.open(books, body, id)),
  change: patch('accounts/{id}', accounts.change),
  close: post('accounts/{id}/close', accounts.close),
  reopen: post('accounts/{id}/reopen', accounts.reopen),
  freeze: post('accounts/{id}/freeze', accounts.freeze),
  unfreeze: post('accounts/{id}/unfreeze', accounts.unfreeze),
  post: post('transactions', (books, _, body, { id }) => transactions.postBody(books, body, id)),
  batch: post('transactions/batch', (books, _, body, { answer }) =>
    transactions.postBatch(books, body, answer),
  ),
  reverse: post('transactions/{id}/reverse', (books, reference, body, { id }) =>
    transactions.reverse(books, reference, body, id),
  ),
  hold: post('holds', (books, _, body, { id }) => holds.place(books, body, id)),
  capture: post('holds/{id}/capture', (books, reference, body, { id }) =>
    holds.capture(books, reference, body, id),
  ),
  void: post('holds/{id}/void', holds.drop),
  limit: post('limits', (books, _, body, { id }) => limits.create(books, body, id)),
  changeLimit: patch('limits/{id}', limits.changeLimit),
  removeLimit: post('limits/{id}/remove', limits.removeLimit),
  schedule: post('scheduled-transactions', (books, _, body, { id }) =>
    schedules.schedule(books, body, id),
  ),
  cancel: post('scheduled-transactions/{id}/cancel', schedules.cancel),
  closePeriod: post('period-closes', (books, _, body, { answer, facts }) =>
    periods.closePeriod(books, body, answer, facts),
  ),
  reopenPeriod: post('period-closes/{id}/reopen', (books, id, _, { answer }) =>
    periods.reopenPeriod(books, id, answer),
  ),
  accrue: post('interest-accruals', (books, _, body, { answer, facts }) =>
    interest.accrue(books, body, answer, facts),
  ),
  reverseAccrual: post('interest-accruals/{id}/reverse', (books, id, _, { answer }) =>
    interest.reverseAccrual(books, id, answer),
  ),
} satisfies Record<string, Command>;

export type Kind = keyof typeof commands;
const COMMANDS: Readonly<Record<Kind, Command>> = commands;

/** What else the contract wants in some bodies, and the model does not look at. */
const BESIDES: Partial<Record<Kind, object>> = {
  define: { name: 'Random' },
  open: { name: 'Random' },
  freeze: { reason: 'Random' },
  unfreeze: { reason: 'Random' },
  reopen: { reason: 'Random' },
  post: { description: 'Random' },
  hold: { description: 'Random' },
  schedule: { description: 'Random' },
  reopenPeriod: { reason: 'Random' },
  reverseAccrual: { reason: 'Random' },
};

export function send(
  api: ApiClient,
  { kind, id = '', body }: Request,
  options: RequestOptions,
): Promise<ApiAnswer> {
  const { method, path } = COMMANDS[kind];
  const full = { ...BESIDES[kind], ...body };
  return api[method](`/v1/${path.replace('{id}', id)}`, full, options);
}

/** Does to the model's books what a request asks for. @throws Refused */
export function runOn(
  books: Books,
  { kind, id = '', body }: Request,
  answer: Answer,
  facts: readonly PostedFact[] | undefined,
): object {
  const { id: made = 'none' } = answer as { id?: string };
  const given = { id: made, answer, facts };
  return COMMANDS[kind].run(books, id, body as never, given);
}
