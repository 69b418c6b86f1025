import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { LedgerUnavailable, Refusal } from '../engine/define/refusal';
import type { CallerRequest } from './caller';
import { ByteBudget } from './byte-budget';
import { BODY_LIMIT_BYTES, parseJsonBody, parseJsonInTurns } from './json-body';
import { invalidRequest } from './problem';
import { Turns } from './turns';

/** What a request takes besides its body: objects of the server, a place in the queue, rows. */
const REQUEST_BYTES = 4096;
/** What is smaller is parsed at once: it takes less than a millisecond. */
const SMALL_BYTES = 64 * 1024;
const JSON_TYPE = 'application/json';
/** Of these no body is read. */
const BODILESS: readonly string[] = ['GET', 'HEAD'];

type Done = (error: Error | null, body?: unknown) => void;

/**
 * Reads the bodies of requests, as many bytes of them at once as there is room for. A request holds
 * its bytes from before the first one was read until it is answered, for all that it becomes in
 * between (a text, objects, a command in the queue, rows of a batch, an answer) is some multiple of
 * them.
 */
export class Bodies {
  private readonly budget: ByteBudget;
  private readonly turns = new Turns();

  constructor(limitBytes: number) {
    this.budget = new ByteBudget(limitBytes);
  }

  /** Has every request to a server looked at; after it was decided who may send one. */
  watch(fastify: FastifyInstance): void {
    fastify.decorateRequest('heldBytes', 0);
    fastify.addHook('onRequest', (request, _, done) => {
      done(this.admit(request as CallerRequest));
    });
    fastify.addHook('onSend', (request, reply, payload, done) => {
      closeWhereUnread(request, reply);
      this.giveBack(request as CallerRequest, reply);
      done(null, payload);
    });
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser(JSON_TYPE, (request, payload, done) => {
      this.read(request as CallerRequest, payload, done);
    });
  }

  /** Takes the room for a body whose length is known before any of it is read, or says why not. */
  private admit(request: CallerRequest): Error | undefined {
    if (BODILESS.includes(request.method)) return undefined;
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') {
      return new Refusal('unsupported_media_type', 'The body must have no Content-Encoding');
    }
    const length = declaredLength(request) ?? 0;
    if (length > BODY_LIMIT_BYTES) return tooLarge();
    return this.take(request, length + REQUEST_BYTES);
  }

  private read(request: CallerRequest, payload: IncomingMessage, done: Done): void {
    const isLengthKnown = declaredLength(request) !== undefined;
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = (error: Error) => {
      payload.off('data', onData).off('end', onEnd).off('error', onError);
      chunks.length = 0;
      done(error);
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > BODY_LIMIT_BYTES) return stop(tooLarge());
      const noRoom = isLengthKnown ? undefined : this.take(request, chunk.length);
      if (noRoom) return stop(noRoom);
      chunks.push(chunk);
    };
    const onEnd = () => this.parse(Buffer.concat(chunks, length), done);
    // The client has gone away, or was too slow; nobody hears this.
    const onError = () => stop(invalidRequest({ pointer: '', message: 'ended before its time' }));
    payload.on('data', onData).on('end', onEnd).on('error', onError);
  }

  /** Parses a body, a large one in several turns; the last of them is the check of its fields. */
  private parse(bytes: Buffer, done: Done): void {
    if (bytes.length > SMALL_BYTES) {
      void parseJsonInTurns(bytes, this.turns).then(
        (body) => this.turns.take(() => done(null, body)),
        (error: unknown) => done(error as Error),
      );
      return;
    }
    let body: unknown;
    try {
      body = parseJsonBody(bytes);
    } catch (error) {
      return done(error as Error);
    }
    done(null, body);
  }

  /** Why a request cannot have so many bytes more. */
  private take(request: CallerRequest, bytes: number): Error | undefined {
    if (!this.budget.take(bytes)) {
      return new LedgerUnavailable('Too many bytes of requests are under way');
    }
    request.heldBytes += bytes;
    return undefined;
  }

  /**
   * Gives the room back once there is an answer and nobody waits for it any longer: a client that
   * goes away leaves behind a command that is still under way.
   */
  private giveBack(request: CallerRequest, { raw }: FastifyReply): void {
    const bytes = request.heldBytes;
    if (bytes === 0) return;
    request.heldBytes = 0;
    const giveBack = () => this.budget.give(bytes);
    if (raw.destroyed) giveBack();
    else raw.once('close', giveBack);
  }
}

function declaredLength({ headers }: FastifyRequest): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/**
 * The server goes on reading, and throws away, what is left of a body after the answer, so that the
 * client hears of the answer. Not where nobody knows how much that is, or where it is too much.
 */
function closeWhereUnread(request: FastifyRequest, reply: FastifyReply): void {
  if (request.raw.complete) return;
  const isChunked = request.headers['transfer-encoding'] !== undefined;
  const isTooMuch = (declaredLength(request) ?? 0) > BODY_LIMIT_BYTES;
  if (isChunked || isTooMuch) reply.header('connection', 'close');
}

function tooLarge(): Refusal {
  const mib = BODY_LIMIT_BYTES / 1024 / 1024;
  return new Refusal('payload_too_large', `The body must not have more than ${mib} MiB`);
}
