import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from 'pino';
import { LedgerUnavailable } from '../engine/define/refusal';
import type { Reply, Request } from './caller';
import { pathOf } from './commands';
import { safeMessage } from './log';
import { PROBLEM_MEDIA_TYPE, RETRY_AFTER_S } from './problem';
import type { Problems } from './problems';

/** How often one kind of trouble is logged: callers that ask again bring it as often as that. */
const SAME_TROUBLE_MS = 1_000;

const MAX_KINDS = 100;

/** Answers every error as problem+json, and logs those that are not the caller's. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly troubles = new Map<string, { loggedAt: number; unsaid: number }>();

  constructor(
    private readonly problems: Problems,
    private readonly log: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<Request>(), http.getResponse<Reply>());
  }

  answer(error: unknown, request: Pick<Request, 'id' | 'url'>, reply: Reply): void {
    const problem = this.problems.ofError(error, pathOf(request));
    const { status } = problem;
    if (status === 500) {
      this.log.error({ err: error, requestId: request.id }, 'unforeseen error');
    } else if (status > 500) {
      // The ledger has logged why already, and once: thousands of commands may share one reason.
      if (!(error instanceof LedgerUnavailable)) this.warn(error, request);
      reply.header('retry-after', RETRY_AFTER_S);
    }
    // The headers may be under way already, if a stream of an answer broke.
    if (reply.sent) return;
    void reply.code(status).header('content-type', PROBLEM_MEDIA_TYPE).send(problem);
  }

  /** Logs a database's trouble; of what comes again within a second only how often it came. */
  private warn(error: unknown, { id }: Pick<Request, 'id'>): void {
    const kind = safeMessage(error);
    const now = performance.now();
    const last = this.troubles.get(kind);
    if (last && now - last.loggedAt < SAME_TROUBLE_MS) return void last.unsaid++;
    if (this.troubles.size >= MAX_KINDS) this.troubles.clear();
    this.troubles.set(kind, { loggedAt: now, unsaid: 0 });
    const more = last && last.unsaid > 0 ? { unsaid: last.unsaid } : {};
    this.log.warn({ err: error, requestId: id, ...more }, 'a database did not answer');
  }
}
