import { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LedgerUnavailable } from '../engine/define/refusal';
import { ByteBudget } from './byte-budget';
import type { CallerRequest } from './caller';
import type { HttpLimits } from './http-limits';

/** What is smaller the system takes at once, whether anybody reads it or not. */
const SMALL_BYTES = 64 * 1024;
/** An answer that is taken in drips is cut off as well, after so many times its patience. */
const DRIPS = 4;
const NO_ROOM = 'Too many bytes of answers wait to be read';

/**
 * Bounds what waits to be read: how many bytes of answers, and for how long. A client that reads
 * nothing is cut off. An answer for which there is no room is a 503: that of a read when it is
 * there, that of a write before the write happens (`reserveAnswer`), for afterwards it is given.
 */
export function boundAnswers(
  fastify: FastifyInstance,
  { answerBytesLimit, answerTimeoutMs }: HttpLimits,
): void {
  const budget = new ByteBudget(answerBytesLimit);
  fastify.decorateRequest('reservedBytes', 0);
  const reserve = (request: CallerRequest, bytes: number) => {
    budget.give(request.reservedBytes);
    const wanted = bytes > SMALL_BYTES ? bytes : 0;
    const hasRoom = wanted === 0 || budget.take(wanted);
    request.reservedBytes = hasRoom ? wanted : 0;
    return hasRoom;
  };
  fastify.decorateRequest('reserveAnswer', function (this: FastifyRequest, bytes: number) {
    return reserve(this as CallerRequest, bytes);
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const { socket } = reply.raw;
    // The server takes it back when the answer is complete. (What a spec injects has no socket.)
    if (socket instanceof Socket) socket.setTimeout(answerTimeoutMs);
    // Now it is known how large it is.
    reserve(request as CallerRequest, 0);
    const bytes = sizeOf(payload);
    if (bytes <= SMALL_BYTES) return done(null, payload);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead) budget.hold(bytes);
    else if (!budget.take(bytes)) return done(new LedgerUnavailable(NO_ROOM));
    holdUntilClosed(reply, () => budget.give(bytes), DRIPS * answerTimeoutMs);
    done(null, payload);
  });
}

function holdUntilClosed({ raw }: FastifyReply, release: () => void, patienceMs: number): void {
  if (raw.destroyed) return release();
  const timer = setTimeout(() => raw.socket?.destroy(), patienceMs);
  raw.once('close', () => {
    clearTimeout(timer);
    release();
  });
}

/** The length of what is sent in one piece; a stream waits for its reader by itself. */
function sizeOf(payload: unknown): number {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return payload.length;
  return 0;
}
