import type { FastifyInstance } from 'fastify';
import { Refusal } from '../engine/define/refusal';
import type { ApiKeys } from './api-keys';
import { isAdmin, type Caller, type CallerRequest } from './caller';

/** What may be read without a key. */
const OPEN_PATHS = /^\/(v1\/health|docs)(\/|$)/;
/** What only administrators may see and do. */
const ADMIN_PATHS = /^\/v1\/(tasks|admin)(\/|$)/;
const BEARER = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

/**
 * Asks for an API key before a request's body is even read. A path that does not exist is
 * answered as such to everybody.
 */
export function authenticate(fastify: FastifyInstance, keys: ApiKeys): void {
  fastify.decorateRequest('caller', null);
  fastify.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url;
    if (route === undefined || OPEN_PATHS.test(route)) return done();
    const accept = (caller: Caller | undefined) => {
      if (!caller) {
        reply.header('www-authenticate', 'Bearer realm="truebook"');
        return done(new Refusal('unauthorized', 'Send "Authorization: Bearer <api key>"'));
      }
      if (ADMIN_PATHS.test(route) && !isAdmin(caller)) {
        return done(new Refusal('forbidden', 'Only administrators may do this'));
      }
      (request as CallerRequest).caller = caller;
      done();
    };
    const key = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (key === undefined) return accept(undefined);
    const caller = keys.find(key);
    if (caller instanceof Promise) caller.then(accept, done);
    else accept(caller);
  });
}
