import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { CallerRequest } from './caller';
import { pathOf } from './commands';
import type { Metrics } from './metrics';
import { invalidRequest, PROBLEM_MEDIA_TYPE } from './problem';
import { Problems } from './problems';

const SANE_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/;
/** Asked for every few seconds by machines; not worth a line. */
const QUIET_ROUTES = /^\/(v1\/health\/|metrics$)/;

/** The id that the caller gave to its request, if it is one, or a new one. */
export function requestId(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && SANE_ID.test(given) ? given : randomUUID();
}

/** Gives every answer its request's id, and every request a line in the log and a measurement. */
export function observeRequests(fastify: FastifyInstance, log: Logger, metrics: Metrics): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, id } = request;
    const route = request.routeOptions.url ?? 'none';
    const durationMs = reply.elapsedTime;
    metrics.observeRequest(method, route, reply.statusCode, durationMs);
    const line = {
      requestId: id,
      method,
      path: pathOf(request),
      status: reply.statusCode,
      durationMs: Math.round(durationMs * 100) / 100,
      actor: (request as CallerRequest).caller?.name,
    };
    if (QUIET_ROUTES.test(route)) log.debug(line, 'request');
    else log.info(line, 'request');
    done();
  });
}

/** What broken requests are answered is of no feature. */
const CORE_ONLY = new Problems([]);

/** Answers what cannot be read as HTTP at all, and so has neither a path nor an id. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const message =
    error.code === 'HPE_HEADER_OVERFLOW' ? 'has too many headers' : 'cannot be read as HTTP';
  const body = JSON.stringify(CORE_ONLY.of(invalidRequest({ pointer: '', message }), ''));
  const head = [
    'HTTP/1.1 400 Bad Request',
    'connection: close',
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
