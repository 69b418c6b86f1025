/** How much of what can be repeated for ever is done: see test/README.md. */
const LENGTH = process.env['TEST_LENGTH'] ?? 'short';

/**
 * How often a spec does what it could do any number of times: kill a process, answer random
 * commands, check a property.
 * @param short with `npm test`: a few, of which each must be able to find a fault
 * @param long with `npm run test:all`
 */
export function rounds(short: number, long: number): number {
  return isLong() ? long : short;
}

/** The one place that tells `npm run test:all` from `npm test`. */
export function isLong(): boolean {
  if (LENGTH !== 'short' && LENGTH !== 'long') {
    throw new Error(`TEST_LENGTH is "${LENGTH}": it may be "short" or "long"`);
  }
  return LENGTH === 'long';
}
