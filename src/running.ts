import type { Logger } from 'pino';
import { setTimeout as delay } from 'node:timers/promises';
import { StillStopping } from './database/postgres-server';
import { safeMessage } from './http/log';

/** How long what is being started may take to be there, once the process is to end. */
const STARTING_MS = 2_000;
/**
 * When everything but PostgreSQL is to have stopped, from the signal on; what has not is left as a
 * crash would leave it, and a batch in doubt is healed by the next start.
 */
const PARTS_MS = 6_000;
/** When PostgreSQL is to have stopped; on a slow disk it writes its last checkpoint alone. */
const LAST_MS = 9_000;
/** When the process ends even if nothing is heard of PostgreSQL. */
const END_MS = LAST_MS + 500;
/** Ctrl-C under npm comes twice, from the terminal and from npm. */
const SAME_SIGNAL_MS = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const DONE = 0;
/** Exit code of what did not go as it should. */
export const FAILED = 1;

type Stop = () => Promise<void>;
/** @throws StillStopping where it was told to stop, and goes on with that after so long */
type StopLast = (patienceMs: number) => Promise<void>;

/** What a process has running, and how it ends: in order, whatever asks for it. */
export class Running {
  /** Settles when nothing is being started any longer. */
  starting: Promise<void> = Promise.resolve();
  log: Logger | undefined;
  private readonly parts: Stop[] = [];
  private last: StopLast = () => Promise.resolve();
  private readonly ending = new AbortController();

  /** Aborted as soon as the process is to end. */
  get stopping(): AbortSignal {
    return this.ending.signal;
  }

  /** Something was started, and is stopped before what was started earlier. */
  add(stop: Stop): void {
    this.parts.push(stop);
  }

  /** What everything else stands on: it is stopped at the very end, and is waited for. */
  addLast(stop: StopLast): void {
    this.last = stop;
  }

  /**
   * Hears what ends the process from outside. The first signal does so in order, the second one at
   * once; what follows the first immediately is the same one.
   */
  listen(): void {
    let firstMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const now = performance.now();
      if (firstMs === undefined) {
        firstMs = now;
        this.log?.info({ signal }, 'stopping');
        this.end(DONE);
      } else if (now - firstMs >= SAME_SIGNAL_MS) {
        process.stderr.write('Truebook was ended before it had stopped\n');
        process.exit(FAILED);
      }
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
    // Ended by Node itself the process would leave PostgreSQL behind.
    process.on('uncaughtException', (err) => {
      this.log?.fatal({ err }, 'an error that nobody caught');
      this.fail(`An error that nobody caught: ${safeMessage(err)}`);
    });
  }

  /** Ends the process in order with an exit code that says so, for a reason in one sentence. */
  fail(reason: string): void {
    if (this.stopping.aborted) return;
    process.stderr.write(`Truebook ends. ${reason}\n`);
    this.end(FAILED);
  }

  /** Stops everything, once, and ends the process. */
  end(code: number): void {
    if (this.stopping.aborted) return;
    this.ending.abort();
    void this.stopAll().then((isStopped) => process.exit(isStopped ? code : FAILED));
  }

  private async stopAll(): Promise<boolean> {
    const onError = (err: unknown) => this.log?.error({ err }, 'something could not be stopped');
    const begin = performance.now();
    const late = delay(PARTS_MS).then(() => true);
    const isTooLate = delay(END_MS).then(() => false);
    // What is being started is not in the list of what is to be stopped yet.
    await Promise.race([this.starting.catch(() => undefined), delay(STARTING_MS)]);
    for (const stop of this.parts.reverse()) {
      const isLate = await Promise.race([stop().catch(onError), late]);
      if (isLate) this.log?.warn('something did not stop in time, and is left');
    }
    const isStopped = this.last(LAST_MS - (performance.now() - begin)).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof StillStopping)) return (onError(error), false);
        process.stderr.write(`${error.message}\n`);
        return true;
      },
    );
    if (await Promise.race([isStopped, isTooLate])) return true;
    process.stderr.write('Truebook could not stop in time\n');
    return false;
  }
}
