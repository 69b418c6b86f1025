import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
// Its hooks have to be there before any spec: in the first one that loads it they would be its own.
import { dropFileDatabases } from './databases';
import { testLength, type TestLength } from './rounds';

const PROJECT = join(__dirname, '../..');
const SUITE = 'suite.spec.ts';
/** What belongs to the long run alone. */
const LONG_SPEC = /\.long\.spec\.ts$/;
/** What a spec asks that does more in a long run. */
const ASKS_LENGTH = /\b(rounds|isLong|checkProperty|SOME_BACKENDS)\b/;

/**
 * The spec files of a suite, below the project: those below its folder that no suite in a folder
 * further down has, so that each belongs to one suite. Short, those without `.long`; the rest,
 * those in which a long run does what a short one leaves out.
 */
export function specsOf(folder: string, length: TestLength = testLength()): string[] {
  const isMore = (file: string) =>
    LONG_SPEC.test(file) || ASKS_LENGTH.test(readFileSync(join(folder, file), 'utf8'));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const inner = files
    .filter((file) => file.endsWith(sep + SUITE))
    .map((file) => file.slice(0, -SUITE.length));
  return files
    .filter((file) => file.endsWith('.spec.ts') && !file.endsWith(SUITE))
    .filter((file) => !inner.some((other) => file.startsWith(other)))
    .filter((file) => length !== 'short' || !LONG_SPEC.test(file))
    .filter((file) => length !== 'rest' || isMore(file))
    .map((file) => relative(PROJECT, join(folder, file)).replaceAll(sep, '/'))
    .sort();
}

/**
 * Declares all tests of a suite in one file of jest's. Jest loads every module anew for each file,
 * and for a spec that starts the service that takes longer than most of its tests.
 */
export function declareSuite(folder: string): void {
  const paths = specsOf(folder);
  // Jest takes a file without a test for a mistake.
  if (paths.length === 0)
    it('has all of it in a short run', () => expect(testLength()).toBe('rest'));
  for (const path of paths) {
    describe(path, () => {
      module.require(join(PROJECT, path));
      afterAll(dropFileDatabases);
    });
  }
}
