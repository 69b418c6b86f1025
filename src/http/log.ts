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
const MAX_CAUSES = 5;

/** An error as the log has it: nothing but what is listed, since libraries add what they like. */
export function loggedError(error: unknown, depth = 0): object {
  if (!isError(error)) return { type: typeof error };
  const { name, code, cause } = error as Error & { code?: unknown };
  const isData = typeof code === 'string' && DATA_EXCEPTION.test(code);
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at '));
  const inside = error instanceof AggregateError ? error.errors.slice(0, MAX_CAUSES) : [];
  return {
    type: error.constructor.name || name,
    message: isData ? 'PostgreSQL refused a value' : error.message,
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
