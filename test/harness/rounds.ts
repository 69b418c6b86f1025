/** How much is run: see test/README.md. */
const LENGTHS = ['short', 'long', 'rest'] as const;
export type TestLength = (typeof LENGTHS)[number];

/**
 * How often a spec does what it could do any number of times: kill a process, answer random
 * commands, check a property.
 * @param short with `npm test`: a few, of which each must be able to find a fault
 * @param long with `npm run test:all`
 */
export function rounds(short: number, long: number): number {
  return isLong() ? long : short;
}

/** Whether what can be repeated for ever is done often. */
export function isLong(): boolean {
  return testLength() !== 'short';
}

/** The one place that tells `npm test`, `npm run test:all` and `npm run test:rest` apart. */
export function testLength(): TestLength {
  const given = process.env['TEST_LENGTH'] ?? 'short';
  const length = LENGTHS.find((name) => name === given);
  if (!length) throw new Error(`TEST_LENGTH is "${given}": it may be ${LENGTHS.join(', ')}`);
  return length;
}
