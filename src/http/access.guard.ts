import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../engine/define/refusal';
import { AddressLimit } from './address-limit';
import { AllowedMethods } from './allowed-methods';
import { ApiKeys, bearerKey } from './api-keys';
import { may, type Caller, type CallerRequest } from './caller';
import { pathOf } from './commands';
import { HeldBack } from './held-back';
import { accessOf, EVERYBODY, type Access, type PermissionName } from './permission';
import { RETRY_AFTER_S } from './problem';

/** What the guard of a server has to be told. */
export interface Entrance {
  /** Whether everybody may use a route of a plugin, which has no decorator. */
  readonly isOpen: (path: string) => boolean;
  /** Of those who have no key that fits; undefined: they may send as many requests as they like. */
  readonly limit: AddressLimit | undefined;
}

/** How many requests one for something large counts for. */
const LARGE_COST = 20;
/** How long a 429 is held back, and another refusal of an address that sends much. */
const [LIMITED_MS, PRESSING_MS] = [1_000, 200];

/** Decides about every request, before its body is read: who calls, and what the caller may. */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly methods = new AllowedMethods();
  private readonly heldBack = new HeldBack();
  private limit: AddressLimit | undefined;

  constructor(private readonly keys: ApiKeys) {}

  /** Has every request to a server looked at. */
  watch(fastify: FastifyInstance, { isOpen, limit }: Entrance): void {
    this.limit = limit;
    this.methods.watch(fastify);
    fastify.decorateRequest('caller', null);
    fastify.addHook('onRoute', (route) => {
      if (isOpen(route.url)) route.config = { ...route.config, ...OPEN_PLUGIN };
    });
    fastify.addHook('onRequest', (request, reply, done) => {
      this.admit(request, reply, done);
    });
  }

  /** Asks for an API key. A path that does not exist is answered as such to everybody. */
  private admit(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    const { url, config } = request.routeOptions;
    const { access, isLarge = false } = config as RouteConfig;
    const isLimited = (cost = 1) => this.isLimited(request, reply, done, cost);
    const refuse = (why: () => Error) => {
      if (!isLimited()) this.refuse(request, done, why());
    };
    if (url === undefined) return refuse(() => this.noRoute(request, reply));
    if (access === EVERYBODY) {
      if (!isLimited(isLarge ? LARGE_COST : 1)) done();
      return;
    }
    const accept = (caller: Caller | undefined) => {
      if (!caller) return refuse(() => noKey(reply));
      (request as CallerRequest).caller = caller;
      done(mayUse(caller, access) ? undefined : forbidden(access));
    };
    const key = bearerKey(request);
    if (key === undefined) return accept(undefined);
    const caller = this.keys.find(key);
    if (caller instanceof Promise) caller.then(accept, done);
    else accept(caller);
  }

  /** Counts a request without a key that fits, and answers it where its address sent too many. */
  private isLimited(
    { ip, raw }: FastifyRequest,
    reply: FastifyReply,
    answer: (error: Error) => void,
    cost: number,
  ): boolean {
    if (!this.limit || this.limit.take(ip, cost)) return false;
    const { perSecond } = this.limit;
    reply.headers({
      'retry-after': RETRY_AFTER_S,
      'ratelimit-policy': `"address";q=${perSecond};w=1`,
      ratelimit: '"address";r=0;t=1',
    });
    const detail = 'Send fewer requests without an API key that fits';
    this.heldBack.add(raw.socket, LIMITED_MS, () =>
      answer(new Refusal('too_many_requests', detail)),
    );
    return true;
  }

  /** Below its limit, too, an address that sends much waits, so that it sends less. */
  private refuse({ ip, raw }: FastifyRequest, answer: (error: Error) => void, why: Error): void {
    if (!this.limit?.isPressing(ip)) return answer(why);
    this.heldBack.add(raw.socket, PRESSING_MS, () => answer(why));
  }

  private noRoute(request: FastifyRequest, reply: FastifyReply): Error {
    const { method } = request;
    const path = pathOf(request);
    const allowed = this.methods.of(path);
    if (allowed.length === 0) return new Refusal('not_found', `There is nothing at ${path}`);
    reply.header('allow', allowed.join(', '));
    return new Refusal('method_not_allowed', `The path has no ${method}`);
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

function noKey(reply: FastifyReply): Error {
  reply.header('www-authenticate', 'Bearer realm="truebook"');
  return new Refusal('unauthorized', 'Send "Authorization: Bearer <api key>"');
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
  /** Whether its answer costs much more than to find out who calls. */
  readonly isLarge?: boolean;
}

const OPEN_PLUGIN: RouteConfig = { access: EVERYBODY, isLarge: true };
