import { applyDecorators, SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExtension } from '@nestjs/swagger';

/** What may be done, as a noun and a verb: `transactions.post`. Roles will be sets of them. */
export type PermissionName = `${string}.${string}`;

/** Who may use a route: whoever has the permission, or everybody, also without a key. */
export type Access = PermissionName | typeof EVERYBODY;
export const EVERYBODY = 'everybody';

const ACCESS = 'truebook:access';

/** Has a route ask for a permission, and the document say so. */
export function Permission(name: PermissionName): MethodDecorator {
  return applyDecorators(accessible(name), ApiExtension('x-permission', name));
}

/** Opens a route to everybody. */
export function Public(): MethodDecorator {
  return accessible(EVERYBODY);
}

/** On the handler for Nest, and on the route for Fastify, which knows nothing of handlers. */
function accessible(access: Access): MethodDecorator {
  return applyDecorators(SetMetadata(ACCESS, access), RouteConfig({ access }));
}

/** Who may use the route that a handler answers; undefined where that was forgotten. */
export function accessOf(handler: object): Access | undefined {
  return Reflect.getMetadata(ACCESS, handler) as Access | undefined;
}
