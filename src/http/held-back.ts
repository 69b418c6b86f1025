import type { Socket } from 'node:net';

/** Answers that are held back at once; one more is given at once. */
const MAX_HELD = 1_000;

/** A connection, of which one answer is held back at most. */
type Connection = Pick<Socket, 'destroy'>;

/**
 * Holds back the answers to those who send too much. Whoever waits for one sends nothing else on
 * that connection meanwhile, or else loses it: a flood costs as much as its connections, and not as
 * much as it could send.
 */
export class HeldBack {
  private readonly waiting = new Set<Connection>();

  /**
   * @param answer is called after `ms`; at once where too many are held back already, or where one
   *   of its connection is, which is closed then
   */
  add(connection: Connection, ms: number, answer: () => void): void {
    if (this.waiting.has(connection)) connection.destroy();
    else if (this.waiting.size < MAX_HELD) return this.hold(connection, ms, answer);
    answer();
  }

  private hold(connection: Connection, ms: number, answer: () => void): void {
    this.waiting.add(connection);
    const give = () => {
      this.waiting.delete(connection);
      answer();
    };
    setTimeout(give, ms).unref();
  }
}
