/** The named bounds of what comes in over HTTP, and of what goes out. */
export interface HttpLimits {
  /** Bytes of request bodies that may be under way at once, from their first to their answer. */
  readonly bodyBytesLimit: number;
  /** Bytes of answers that may wait for their readers at once. */
  readonly answerBytesLimit: number;
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs: number;
  /** How long an answer waits for its reader to take any of it. */
  readonly answerTimeoutMs: number;
  /** Connections at once; one more is closed as soon as it was made. */
  readonly maxConnections: number;
  /** Those of one address, likewise; undefined: all of them. */
  readonly connectionsPerAddress: number | undefined;
  /** Requests a second that one address may send without a key that fits; undefined: any number. */
  readonly ratePerAddress: number | undefined;
}
