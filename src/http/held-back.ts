/** How long an answer is held back. */
const HOLD_MS = 1_000;
/** Answers that are held back at once; one more is given at once. */
const MAX_HELD = 1_000;

/**
 * Holds back the answers to those who send too much. Whoever waits for one sends nothing else on
 * that connection meanwhile, so that a flood costs as much as its connections, and not as much as
 * it could send.
 */
export class HeldBack {
  private held = 0;

  /** @param answer is called later; at once where too many are held back already */
  add(answer: () => void): void {
    if (this.held >= MAX_HELD) return answer();
    this.held++;
    const give = () => {
      this.held--;
      answer();
    };
    setTimeout(give, HOLD_MS).unref();
  }
}
