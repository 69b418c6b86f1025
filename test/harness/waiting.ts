import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;
/**
 * Asking is often a query, and asked all the time, a machine does little else: the longer it takes,
 * the longer the pauses.
 */
const MAX_POLL_MS = 60;
const PAUSE_SHARE = 0.1;

/**
 * Waits until `condition` gives a value other than false and undefined, and returns it. There is
 * no sleeping for luck: what is waited for is named, and the wait ends with an error.
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | false | undefined> | T | false | undefined,
  timeoutMs = 15_000,
): Promise<T> {
  const begin = performance.now();
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value;
    const waitedMs = performance.now() - begin;
    if (waitedMs > timeoutMs) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await delay(Math.min(Math.max(POLL_MS, waitedMs * PAUSE_SHARE), MAX_POLL_MS));
  }
}

/** A promise with its two ends, for making one thing happen before another. */
export function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
