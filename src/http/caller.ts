import type { FastifyReply, FastifyRequest } from 'fastify';

/** Who calls: the name and the role of an API key. */
export interface Caller {
  readonly name: string;
  readonly role: 'admin';
}

export function isAdmin({ role }: { readonly role: string }): boolean {
  return role === 'admin';
}

/** A request behind the authentication. */
export interface CallerRequest extends FastifyRequest {
  caller: Caller | null;
}

export type Request = CallerRequest;
export type Reply = FastifyReply;
