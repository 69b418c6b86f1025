import { SingleBar } from 'cli-progress';

/** Shows how far something is. */
export interface Progress {
  update(done: number, total: number): void;
  /** Prints a line on standard error above the bar. */
  say(line: string): void;
  stop(): void;
}

/** Times a second that the bar is drawn. */
const FPS = 10;

/**
 * A bar on standard error with the rate and the time left; nothing where that is no terminal, so
 * that logs stay readable and standard output belongs to the result.
 */
export function progressBar(unit: string): Progress {
  if (!process.stderr.isTTY) {
    const say = (line: string) => void process.stderr.write(`${line}\n`);
    return { update: () => undefined, say, stop: () => undefined };
  }
  const bar = new SingleBar({
    format: `{bar} {percentage}% | {value}/{total} ${unit} | {rate} ${unit}/s | {left} left`,
    stream: process.stderr,
    fps: FPS,
    hideCursor: true,
  });
  const startedMs = performance.now();
  let isStarted = false;
  return {
    update: (done, total) => {
      const seconds = (performance.now() - startedMs) / 1000;
      const rate = Math.round(done / Math.max(seconds, 0.001));
      const left = done === 0 ? '?' : `${Math.ceil(((total - done) * seconds) / done)} s`;
      const payload = { rate: rate.toLocaleString('en'), left };
      if (!isStarted) {
        isStarted = true;
        bar.start(total, done, payload);
        return;
      }
      bar.setTotal(total);
      bar.update(done, payload);
    },
    // The bar is drawn again below the line.
    say: (line) => void process.stderr.write(`\r\x1b[K${line}\n`),
    stop: () => {
      if (isStarted) bar.stop();
    },
  };
}
