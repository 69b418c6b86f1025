import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { systemClock } from '../engine/define/ids';
import { Refusal } from '../engine/define/refusal';
import type { CallerRequest } from './caller';
import { pathOf } from './commands';
import type { Metrics } from './metrics';
import { invalidRequest, PROBLEM_MEDIA_TYPE } from './problem';
import { Problems } from './problems';
import { SECURITY_HEADERS } from './security-headers';

const SANE_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/;
/** Asked for every few seconds by machines; not worth a line. */
const QUIET_ROUTES = /^\/(v1\/health\/|metrics$)/;

/**
 * The id that the caller gave to its request, if it is one, or a new one: in the order of time,
 * since events are found by it.
 */
export function requestId(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && SANE_ID.test(given) ? given : systemClock.newId();
}

/** Gives every answer its request's id, and every request a line in the log and a measurement. */
export function observeRequests(fastify: FastifyInstance, log: Logger, metrics: Metrics): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(SECURITY_HEADERS).header('x-request-id', request.id);
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

/** What the server could not read, and what that is called. */
const BROKEN: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: new Refusal('headers_too_large', 'The request has too many headers'),
  ERR_HTTP_REQUEST_TIMEOUT: new Refusal('request_timeout', 'The request was not sent in time'),
};
const NOT_HTTP = invalidRequest({ pointer: '', message: 'cannot be read as HTTP' });

/** Answers what cannot be read as HTTP to its end, and so has neither a path nor an id. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = CORE_ONLY.of(BROKEN[error.code ?? ''] ?? NOT_HTTP, '');
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'connection: close',
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
