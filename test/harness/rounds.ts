/** How much of what can be repeated for ever is done: see test/README.md. */
const LENGTH = process.env['TEST_LENGTH'] ?? 'short';

/**
 * How often a spec does what it could do any number of times: kill a process, answer random
 * commands, check a property. The one place that tells `npm test` from `npm run test:all`.
 * @param short with `npm test`: a few, of which each must be able to find a fault
 * @param long with `npm run test:all`
 */
export function rounds(short: number, long: number): number {
  if (LENGTH !== 'short' && LENGTH !== 'long') {
    throw new Error(`TEST_LENGTH is "${LENGTH}": it may be "short" or "long"`);
  }
  return LENGTH === 'long' ? long : short;
}
