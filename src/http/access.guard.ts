import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../engine/define/refusal';
import { ApiKeys } from './api-keys';
import { may, type Caller, type CallerRequest } from './caller';
import { accessOf, EVERYBODY, type Access, type PermissionName } from './permission';

const BEARER = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

/** Decides about every request, before its body is read: who calls, and what the caller may. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly keys: ApiKeys) {}

  /**
   * Has every request to a server looked at.
   * @param isOpen whether everybody may use a route of a plugin, which has no decorator
   */
  watch(fastify: FastifyInstance, isOpen: (path: string) => boolean): void {
    fastify.decorateRequest('caller', null);
    fastify.addHook('onRoute', (route) => {
      if (isOpen(route.url)) route.config = { ...route.config, ...configOf(EVERYBODY) };
    });
    fastify.addHook('onRequest', (request, reply, done) => {
      this.admit(request, reply, done);
    });
  }

  /** Asks for an API key. A path that does not exist is answered as such to everybody. */
  private admit(
    request: FastifyRequest,
    reply: FastifyReply,
    done: (error?: Error) => void,
  ): void {
    const { url, config } = request.routeOptions;
    const { access } = config as RouteConfig;
    if (url === undefined || access === EVERYBODY) return done();
    const accept = (caller: Caller | undefined) => {
      if (!caller) {
        reply.header('www-authenticate', 'Bearer realm="truebook"');
        return done(new Refusal('unauthorized', 'Send "Authorization: Bearer <api key>"'));
      }
      (request as CallerRequest).caller = caller;
      done(mayUse(caller, access) ? undefined : forbidden(access));
    };
    const key = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (key === undefined) return accept(undefined);
    const caller = this.keys.find(key);
    if (caller instanceof Promise) caller.then(accept, done);
    else accept(caller);
  }

  /**
   * Whether a handler may answer: once more, by what the handler itself says.
   * @throws Refusal `forbidden`
   */
  canActivate(context: ExecutionContext): boolean {
    const access = accessOf(context.getHandler());
    if (access === EVERYBODY) return true;
    const { caller } = context.switchToHttp().getRequest<CallerRequest>();
    if (mayUse(caller, access)) return true;
    throw forbidden(access);
  }
}

/** What says nothing of who may use it is closed to all. */
function mayUse(caller: Caller | null, access: PermissionName | undefined): boolean {
  return caller !== null && access !== undefined && may(caller, access);
}

function forbidden(access: PermissionName | undefined): Refusal {
  return new Refusal('forbidden', `The API key does not have the permission ${access ?? ''}`);
}

/** What `RouteConfig` of `@nestjs/platform-fastify` puts on the routes. */
interface RouteConfig {
  readonly access?: Access;
}

function configOf(access: Access): RouteConfig {
  return { access };
}
