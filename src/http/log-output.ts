import { fstatSync, write, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

/** Lines are written together, and no later than this: a write for each cost 5 µs of a request. */
const BUFFER_LENGTH = 8 * 1024;
const FLUSH_MS = 200;
/** What waits for an output that takes nothing; what comes after it is lost. */
const MAX_WAITING_LENGTH = 1024 * 1024;

/** Something to write to; that it fails is no business of whoever writes. */
export interface Output {
  /** @param done called when the next piece may come */
  write(text: string, done: () => void): void;
  /** The process ends. */
  writeLast(text: string): void;
}

/**
 * Where log lines go. What is logged can be lost, to a full disk, a closed pipe or a reader that
 * reads no longer: the service neither waits for it nor keeps it, and tries again with the next
 * lines.
 */
export class LogOutput implements DestinationStream {
  private waiting = '';
  private isBusy = false;

  constructor(private readonly output: Output) {
    setInterval(() => this.flush(), FLUSH_MS).unref();
  }

  write(line: string): void {
    if (this.waiting.length + line.length > MAX_WAITING_LENGTH) return;
    this.waiting += line;
    if (this.waiting.length >= BUFFER_LENGTH) this.flush();
  }

  /** Writes what waits, unless the output is still busy with what came before. */
  flush(): void {
    if (this.isBusy || this.waiting === '') return;
    const text = this.waiting;
    this.waiting = '';
    this.isBusy = true;
    this.output.write(text, () => {
      this.isBusy = false;
      if (this.waiting.length >= BUFFER_LENGTH) this.flush();
    });
  }

  /** Writes what waits while the process ends. */
  flushLast(): void {
    this.output.writeLast(this.waiting);
    this.waiting = '';
  }
}

/** A stream of this process as an output that does not hold the process up. */
export function outputOf(stream: typeof process.stdout): Output {
  const { fd } = stream;
  if (fstatSync(fd).isFile()) return fileOutput(fd);
  // Node writes to pipes synchronously, and would stand still with whoever reads them.
  const handle = (stream as { _handle?: { setBlocking?: (isBlocking: boolean) => void } })._handle;
  handle?.setBlocking?.(false);
  return {
    write: (text, done) => void stream.write(text, () => done()),
    // What the pipe has room for is written at once.
    writeLast: (text) => void stream.write(text),
  };
}

/** Writing to a file is left to the thread pool. */
function fileOutput(fd: number): Output {
  return {
    write: (text, done) => write(fd, text, () => done()),
    writeLast: (text) => {
      try {
        writeSync(fd, text);
      } catch {
        // The disk is full, and nobody is left to be told.
      }
    },
  };
}

/**
 * Keeps the process alive when what it prints cannot be written any more: Node ends it for an
 * error of a stream that nobody listens to.
 */
export function outliveOutput(): void {
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
}
