import { Query, type Connection } from 'pg';

/** What pg's own Query does and its published types leave out. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/**
 * `COPY … FROM STDIN` with the rows at hand, sent in one write together with the statement: the
 * protocol lets data follow without waiting for CopyInResponse, and the server drops it where the
 * statement fails. pg-copy-streams waits for the response, which costs a round trip a table.
 * A subclass of pg's Query because a pipelining client takes no other.
 */
export class CopyIn extends Query {
  constructor(
    private readonly statement: string,
    private readonly payload: Buffer,
    callback: (error: Error | null) => void,
  ) {
    // pg reads `callback` from the config; the published types know the rest only.
    super({ text: statement, callback } as never);
  }

  override submit = (connection: Connection): void => {
    const copy = connection as CopyConnection;
    copy.stream.cork();
    connection.query(this.statement);
    copy.sendCopyFromChunk(this.payload);
    copy.endCopyFrom();
    copy.stream.uncork();
  };

  handleCopyInResponse(): void {
    // The rows are already on their way.
  }
}
