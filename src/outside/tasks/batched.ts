/** A call that waits to be made together with others. */
interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes one call of many: what arrives while a call is under way goes with the next one. So a
 * statement costs the same for one task and for a hundred, and nobody waits for a timer.
 */
export class Batched<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private isBusy = false;

  /**
   * @param run answers the items in their order
   * @param limit items in one call at most
   */
  constructor(
    private readonly run: (items: Item[]) => Promise<readonly Result[]>,
    private readonly limit: number,
  ) {}

  do(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.isBusy) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.isBusy = true;
    // What is asked for in this turn of the event loop goes together.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.limit);
      try {
        const results = await this.run(batch.map((w) => w.item));
        for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.isBusy = false;
  }
}
