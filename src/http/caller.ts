import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PermissionName } from './permission';

/** Who calls: the name and the role of an API key. */
export interface Caller {
  readonly name: string;
  readonly role: 'admin';
}

/** Whether a caller has a permission. There is one role, and it has all of them. */
export function may({ role }: { readonly role: string }, _permission: PermissionName): boolean {
  return role === 'admin';
}

/** A request behind the authentication. */
export interface CallerRequest extends FastifyRequest {
  caller: Caller | null;
  /** Bytes of the room for bodies that this request takes. */
  heldBytes: number;
  /** Bytes of the room for answers that are kept for what it is going to be answered. */
  reservedBytes: number;
  /** Keeps so many bytes of it instead. @returns whether there is room; else it keeps none */
  reserveAnswer(bytes: number): boolean;
}

export type Request = CallerRequest;
export type Reply = FastifyReply;
