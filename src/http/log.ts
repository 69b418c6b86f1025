import type { LoggerService } from '@nestjs/common';
import { DatabaseError } from 'pg';
import { pino, type DestinationStream, type Logger } from 'pino';
import { LogOutput, outputOf } from './log-output';
import { isError } from '../database/errors';

/** What must never be in a log, should it ever be handed to it. No wildcards: they cost 10 µs. */
const SECRETS = [
  'authorization',
  'headers.authorization',
  'req.headers.authorization',
  'connectionString',
  'password',
];

/** The program's log: one JSON object a line. Bodies, keys and queries are not logged at all. */
export function makeLog(level: string, destination = standardOutput()): Logger {
  const options = {
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRETS, censor: '[hidden]' },
    serializers: { err: loggedError },
  };
  return pino(options, destination);
}

/** What PostgreSQL says besides, without the contents of rows that `detail` and `where` quote. */
const DATABASE_FIELDS = ['severity', 'schema', 'table', 'column', 'constraint', 'routine'] as const;
/** SQLSTATEs of errors whose message quotes the value that was wrong. */
const DATA_EXCEPTION = /^22...$/;
/** Node's own errors that quote what they were given. */
const ARGUMENT_REFUSED = /^ERR_(?:INVALID_|UNKNOWN_|OUT_OF_RANGE)/;
const MAX_CAUSES = 5;

/**
 * What an error says, where that is no part of a row, a body or a key: what parses JSON or numbers
 * quotes what it was given, and so do PostgreSQL and Node where they refuse a value.
 */
export function safeMessage(error: unknown): string {
  if (!isError(error)) return `something of type ${typeof error} was thrown`;
  const code = String((error as { code?: unknown }).code);
  if (DATA_EXCEPTION.test(code)) return 'PostgreSQL refused a value';
  const isQuoting = error.name === 'SyntaxError' || ARGUMENT_REFUSED.test(code);
  return isQuoting ? 'a value was refused' : error.message;
}

/** An error as the log has it: nothing but what is listed, since libraries add what they like. */
export function loggedError(error: unknown, depth = 0): object {
  if (!isError(error)) return { type: typeof error };
  const { name, code, cause } = error as Error & { code?: unknown };
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at '));
  const inside = error instanceof AggregateError ? error.errors.slice(0, MAX_CAUSES) : [];
  return {
    type: error.constructor.name || name,
    message: safeMessage(error),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(error instanceof DatabaseError && fieldsOf(error)),
    stack: frames?.join('\n'),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: loggedError(cause, depth + 1) }),
    ...(inside.length > 0 && { errors: inside.map((e: unknown) => loggedError(e, MAX_CAUSES)) }),
  };
}

function fieldsOf(error: DatabaseError): object {
  return Object.fromEntries(DATABASE_FIELDS.map((name) => [name, error[name]]));
}

function standardOutput(): DestinationStream {
  const output = new LogOutput(outputOf(process.stdout));
  process.on('exit', () => output.flushLast());
  return output;
}

/** Nest's own messages in the program's log: what it did at start is for those who debug. */
export class NestLog implements LoggerService {
  constructor(private readonly log_: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.log_.debug({ from: rest.at(-1) }, String(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.log_.warn({ from: rest.at(-1) }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.log_.error({ details: rest }, String(message));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.log_.fatal({ details: rest }, String(message));
  }
}
