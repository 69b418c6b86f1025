import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { AccessGuard } from './access.guard';
import { AddressLimit } from './address-limit';
import { boundAnswers } from './answers';
import { isDocs, serveDocs } from './api-docs';
import { Bodies } from './bodies';
import { boundConnections } from './connection-limit';
import type { HttpLimits } from './http-limits';
import { BODY_LIMIT_BYTES } from './json-body';
import { NestLog } from './log';
import { Metrics } from './metrics';
import { followCursors } from './page';
import { ProblemFilter } from './problem.filter';
import type { Problems } from './problems';
import { endTurns } from './reads';
import { compileRequests } from './request-classes';
import { answerBrokenRequest, observeRequests, requestId } from './requests';
import { ValidationPipe } from './validation';
import { refuseIgnored } from './versions';

/** `client:` and 64 characters, each of which may be percent-encoded. */
const MAX_PARAM_LENGTH = 256;
/** How often the server looks for requests that take too long. */
const CHECK_TIMEOUTS_MS = 1_000;

/**
 * Builds the HTTP side of the program around a module with its controllers, and starts what the
 * module's providers have running; listens not yet. Where that fails, what was started is stopped;
 * where a provider cannot be made, Nest gives nobody those that were, and the process has to end.
 */
export async function buildHttpApp(
  module: DynamicModule,
  problems: Problems,
  log: Logger,
  limits: HttpLimits,
): Promise<NestFastifyApplication> {
  const filter = new ProblemFilter(problems, log);
  const adapter = new FastifyAdapter({
    // No Nest middleware is used, and looking for it costs every request some microseconds.
    skipMiddie: true,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      headersTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: CHECK_TIMEOUTS_MS,
    },
    genReqId: requestId,
    clientErrorHandler: answerBrokenRequest,
    // Requests that come while the server closes are answered by the ledger's own 503.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      reply.header('x-request-id', request.id);
      filter.answer(error, request, reply);
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  try {
    compileRequests(app);
    const fastify = app.getHttpAdapter().getInstance();
    observeRequests(fastify, log, app.get(Metrics));
    closeConnectionsAtEnd(fastify);
    boundConnections(fastify.server, limits);
    const { ratePerAddress: rate } = limits;
    const limit = rate === undefined ? undefined : new AddressLimit(rate);
    app.get(AccessGuard).watch(fastify, { isOpen: isDocs, limit });
    new Bodies(limits.bodyBytesLimit).watch(fastify);
    endTurns(fastify);
    boundAnswers(fastify, limits);
    refuseIgnored(fastify);
    followCursors(fastify);
    app.useGlobalFilters(filter);
    app.useGlobalPipes(new ValidationPipe());
    serveDocs(app, problems);
    await app.init();
    await fastify.ready();
    return app;
  } catch (error) {
    await app.close().catch(() => undefined);
    throw error;
  }
}

/** A client that keeps its connection and keeps asking would hold the server open for ever. */
function closeConnectionsAtEnd(fastify: FastifyInstance): void {
  let isClosing = false;
  fastify.addHook('preClose', (done) => {
    isClosing = true;
    done();
  });
  fastify.addHook('onSend', (_, reply, payload, done) => {
    if (isClosing) reply.header('connection', 'close');
    done(null, payload);
  });
}
