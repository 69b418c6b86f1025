const NEWLINE = 0x0a;
/** Bytes of one line: more than any row has, and little enough to be held. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** The lines of a stream of bytes, each ended by a newline. */
export class Lines {
  /** Number of the last line that was read, from 1. */
  number = 0;
  private readonly source: AsyncIterator<Buffer>;
  private buffer: Buffer = Buffer.alloc(0);
  private at = 0;

  /**
   * @param onBytes told of the bytes of each line that is read
   * @param refused the error to throw for a line that cannot be read
   */
  constructor(
    source: AsyncIterable<Buffer>,
    private readonly onBytes: (bytes: Buffer) => void,
    private readonly refused: (line: number, reason: string) => Error,
  ) {
    this.source = source[Symbol.asyncIterator]();
  }

  /**
   * The next line without its end; undefined at the end of the stream.
   * @throws what `refused` makes where the stream ends within a line
   */
  async next(): Promise<string | undefined> {
    let end = this.buffer.indexOf(NEWLINE, this.at);
    while (end === -1) {
      const searched = this.buffer.length - this.at;
      if (!(await this.fill())) return undefined;
      end = this.buffer.indexOf(NEWLINE, this.at + searched);
    }
    const line = this.buffer.toString('utf8', this.at, end);
    this.onBytes(this.buffer.subarray(this.at, end + 1));
    this.at = end + 1;
    this.number += 1;
    return line;
  }

  /** Asks for more bytes. @returns whether there were any */
  private async fill(): Promise<boolean> {
    const rest = this.buffer.subarray(this.at);
    if (rest.length > MAX_LINE_BYTES) {
      throw this.refused(this.number + 1, 'the line is too long for a row');
    }
    const next = await this.source.next().catch((error: unknown) => {
      throw this.refusedBytes(error);
    });
    if (next.done) {
      if (rest.length === 0) return false;
      throw this.refused(this.number + 1, 'the file ends within the line: it was cut off');
    }
    this.buffer = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
    this.at = 0;
    return true;
  }

  /** What zlib says of bytes that nobody compressed is said of the line; other errors stay. */
  private refusedBytes(error: unknown): Error {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('Z_')) return error as Error;
    return this.refused(this.number + 1, `the compressed file is damaged: ${message}`);
  }
}
