import { applyDecorators, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import type { Creator } from '../engine/define/creator';
import { Refusal, type FieldError } from '../engine/define/refusal';
import type { Found, StateSession } from '../engine/define/state-session';
import type { Reply, Request } from './caller';
import { invalidRequest } from './problem';

/** What has a version, which every visible change adds one to. */
export interface Versioned {
  readonly version: number;
}

/** Reads what a command is about, by the command's input; undefined: there is no such thing. */
export type FindVersioned<Input> = (state: StateSession, input: Input) => Found<Versioned>;

/** The versions that a caller names; `any` where it only has to exist. */
export type Wanted = 'any' | ReadonlySet<string>;

const HAS_VERSION = 'truebook:has-version';
/** One entity tag; a weak one never is a version. */
const TAG = String.raw`(?:W/)?"[\x21\x23-\x7e]*"`;
const TAGS = new RegExp(`^${TAG}(?:[ \\t]*,[ \\t]*${TAG})*$`);

/** Says that what a command is about has a version, so that `If-Match` may name it. */
export function HasVersion(): MethodDecorator {
  return applyDecorators(
    SetMetadata(HAS_VERSION, true),
    ApiHeader({
      name: 'If-Match',
      required: false,
      description: 'The ETag of a GET: where the version is another one by now, nothing is done',
      schema: { type: 'string', pattern: `^(\\*|${TAGS.source.slice(1, -1)})$`, example: '"3"' },
    }),
  );
}

/** Puts the version of what is read on its answer. */
export function showVersion(reply: Reply, { version }: Versioned): void {
  reply.header('etag', `"${version}"`);
}

/** Headers that would make another request of one, and that nothing here honours, by method. */
const READS_IGNORE = ['if-match', 'if-unmodified-since', 'idempotency-key'];
const WRITES_IGNORE = ['if-none-match', 'if-modified-since', 'if-unmodified-since'];

/**
 * Refuses what would be ignored. A read that is answered in full honours `If-None-Match`,
 * `If-Modified-Since` and `Range`; a write that goes on does not.
 */
export function refuseIgnored(fastify: FastifyInstance): void {
  fastify.addHook('preValidation', (request, _, done) => {
    // What everybody may ask for is no resource of the ledger.
    if ((request as Request).caller === null) return done();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const ignored = (isRead ? READS_IGNORE : WRITES_IGNORE).filter((n) => n in request.headers);
    if (ignored.length === 0) return done();
    const errors = ignored.map((name) => ({
      pointer: `/${named(name)}`,
      message: `is not for ${request.method}`,
    }));
    done(invalidRequest(...errors));
  });
}

/** A header's name as it is written. */
function named(header: string): string {
  return header.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

/** The versions of a command's `If-Match`; what is wrong with it is added to the errors. */
export function readIfMatch(
  request: Request,
  context: ExecutionContext,
  errors: FieldError[],
): Wanted | undefined {
  const header = request.headers['if-match'];
  if (header === undefined) return undefined;
  const isHonoured = Reflect.getMetadata(HAS_VERSION, context.getHandler()) === true;
  const wrong = (message: string) => void errors.push({ pointer: '/If-Match', message });
  if (!isHonoured) wrong('is of no use: this has no version');
  else if (header === '*') return 'any';
  else if (TAGS.test(header)) return new Set(header.match(new RegExp(TAG, 'g')));
  else wrong('must be an ETag such as "3", with its quotes');
  return undefined;
}

/**
 * A creator that runs only where what it is about has a version that the caller wants. It looks in
 * the same step that changes it, and after the idempotency key, so that who repeats a request gets
 * the first answer although the version has changed by it.
 */
export function onlyAt<Input, Answer>(
  wanted: Wanted,
  creator: Creator<Input, Answer>,
  find: FindVersioned<Input>,
): Creator<Input, Answer> {
  return {
    ...creator,
    run: async (context, input) => {
      const found = await find(context.state, input);
      // Where there is nothing, the creator says so.
      if (found && wanted !== 'any' && !wanted.has(`"${found.version}"`)) {
        throw new Refusal('version_mismatch', `The version is ${found.version} by now`);
      }
      return creator.run(context, input);
    },
  };
}
