import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from 'pino';
import { LedgerUnavailable } from '../engine/define/refusal';
import type { Reply, Request } from './caller';
import { pathOf } from './commands';
import { PROBLEM_MEDIA_TYPE, RETRY_AFTER_S } from './problem';
import type { Problems } from './problems';

/** Answers every error as problem+json, and logs those that are not the caller's. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
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
      if (!(error instanceof LedgerUnavailable)) {
        this.log.warn({ err: error, requestId: request.id }, 'a database did not answer');
      }
      reply.header('retry-after', RETRY_AFTER_S);
    }
    // The headers may be under way already, if a stream of an answer broke.
    if (reply.sent) return;
    void reply.code(status).header('content-type', PROBLEM_MEDIA_TYPE).send(problem);
  }
}
