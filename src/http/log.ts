import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import { LogOutput, outputOf } from './log-output';

/** What must never be in a log, should it ever be handed to it. No wildcards: they cost 10 µs. */
const SECRETS = [
  'authorization',
  'headers.authorization',
  'req.headers.authorization',
  'err.headers.authorization',
  'err.connectionString',
  'err.password',
  'connectionString',
  'password',
];

/** The program's log: one JSON object a line. Bodies, keys and queries are not logged at all. */
export function makeLog(level: string, destination = standardOutput()): Logger {
  const options = {
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRETS, censor: '[hidden]' },
  };
  return pino(options, destination);
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
