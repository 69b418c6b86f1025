import assert from 'node:assert';
import { createParamDecorator, Injectable, type ExecutionContext } from '@nestjs/common';
import type { Creator, Outcome } from '../engine/define/creator';
import { Ledger } from '../engine/write/ledger';
import type { FieldError } from '../engine/define/refusal';
import type { Reply, Request } from './caller';
import { isIdempotencyKey } from './fields';
import { invalidRequest } from './problem';
import { onlyAt, readIfMatch, type FindVersioned, type Wanted } from './versions';

/** What the headers and the query of a POST, PUT or PATCH say about the command in its body. */
export interface CommandRequest {
  readonly actor: string;
  readonly idempotencyKey: string | undefined;
  readonly correlationId: string;
  readonly dryRun: boolean;
  /** What the request takes of the room for bodies. */
  readonly bytes: number;
  /** Keeps room for its answer; false: there is none. */
  readonly reserve: (bytes: number) => boolean;
  /** Nothing is done where what the command is about has another version. */
  readonly wanted: Wanted | undefined;
  /** The path of the request, for problems inside an answer. */
  readonly path: string;
  /** Where the headers of the answer go. */
  readonly reply: Reply;
}

/** The handler's {@link CommandRequest}. @throws Refusal `validation_failed` */
export const AsCommand = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const http = context.switchToHttp();
  return readCommandRequest(http.getRequest<Request>(), http.getResponse<Reply>(), context);
});

function readCommandRequest(
  request: Request,
  reply: Reply,
  context: ExecutionContext,
): CommandRequest {
  const errors: FieldError[] = [];
  const command = {
    actor: request.caller!.name,
    idempotencyKey: readIdempotencyKey(request.headers['idempotency-key'], errors),
    correlationId: request.id,
    dryRun: readDryRun(request.query as Record<string, unknown>, errors),
    bytes: request.heldBytes,
    reserve: (bytes: number) => request.reserveAnswer(bytes),
    wanted: readIfMatch(request, context, errors),
    path: pathOf(request),
    reply,
  };
  if (errors.length > 0) throw invalidRequest(...errors);
  return command;
}

/** The path of a request without its query. */
export function pathOf(request: { readonly url: string }): string {
  const end = request.url.indexOf('?');
  return end === -1 ? request.url : request.url.slice(0, end);
}

/** A quoted string, as the header's standard has it, is the same key as without its quotes. */
export function readIdempotencyKey(
  header: string | string[] | undefined,
  errors: FieldError[],
): string | undefined {
  if (header === undefined) return undefined;
  let key = String(header);
  const isQuoted = key.length > 1 && key.startsWith('"') && key.endsWith('"');
  if (isQuoted) key = key.slice(1, -1).replace(/\\(["\\])/g, '$1');
  if (isIdempotencyKey(key) && (isQuoted || !key.startsWith('"'))) return key;
  const message = 'the header must be 1 to 255 printable ASCII characters';
  errors.push({ pointer: '/Idempotency-Key', message });
  return undefined;
}

function readDryRun(query: Record<string, unknown>, errors: FieldError[]): boolean {
  for (const name in query) {
    if (name !== 'dryRun') errors.push({ pointer: `/${name}`, message: 'is not known' });
  }
  const { dryRun } = query;
  if (dryRun === undefined || dryRun === 'false') return false;
  if (dryRun !== 'true') errors.push({ pointer: '/dryRun', message: 'must be true or false' });
  return true;
}

/** What an `If-Match` is compared with, where the route has said that there is such a thing. */
function versioned<Input>(find: FindVersioned<Input> | undefined): FindVersioned<Input> {
  assert(find, 'The route has a version, and its handler does not say of what');
  return find;
}

/** Hands commands to the ledger, the same way for every POST, PUT and PATCH. */
@Injectable()
export class Commands {
  constructor(private readonly ledger: Ledger) {}

  /**
   * Submits a command and writes what became of it into the headers of the answer.
   * @param find reads what it is about, where that has a version
   * @returns the creator's answer
   * @throws Refusal with the creator's no, LedgerUnavailable
   */
  async submit<Input, Answer>(
    request: CommandRequest,
    creator: Creator<Input, Answer>,
    input: Input,
    find?: FindVersioned<Input>,
  ): Promise<Answer> {
    const { actor, idempotencyKey, correlationId, dryRun, bytes, reserve, wanted } = request;
    const options = { actor, idempotencyKey, correlationId, dryRun, bytes, reserve };
    const checked = wanted === undefined ? creator : onlyAt(wanted, creator, versioned(find));
    const outcome = await this.ledger.submit({ creator: checked, input, ...options });
    return this.answer(request, outcome);
  }

  /**
   * Writes what became of a command into the headers of its answer, also of one that changed no
   * books.
   * @returns the command's answer
   * @throws Refusal with the command's no
   */
  answer<Answer>({ dryRun, reply }: CommandRequest, outcome: Outcome<Answer>): Answer {
    reply.header('ledger-position', outcome.position);
    // What was done before was done, whether or not it is asked for as a dry run now.
    if (outcome.isHit) reply.header('idempotency-hit', 'true');
    else if (dryRun) reply.header('dry-run', 'true');
    if (outcome.kind === 'refused') throw outcome.refusal;
    return outcome.answer;
  }
}
