import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
// Its hooks have to be there before any spec: in the first one that loads it they would be its own.
import { dropFileDatabases } from './databases';
import { isLong } from './rounds';

const PROJECT = join(__dirname, '../..');
const SUITE = 'suite.spec.ts';
/** What belongs to the long run alone. */
const LONG_SPEC = /\.long\.spec\.ts$/;

/**
 * The spec files of a suite, below the project: those below its folder that no suite in a folder
 * further down has, so that each belongs to one suite. Short, those without `.long`.
 */
export function specsOf(folder: string, long = isLong()): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const inner = files
    .filter((file) => file.endsWith(sep + SUITE))
    .map((file) => file.slice(0, -SUITE.length));
  return files
    .filter((file) => file.endsWith('.spec.ts') && !file.endsWith(SUITE))
    .filter((file) => !inner.some((other) => file.startsWith(other)))
    .filter((file) => long || !LONG_SPEC.test(file))
    .map((file) => relative(PROJECT, join(folder, file)).replaceAll(sep, '/'))
    .sort();
}

/**
 * Declares all tests of a suite in one file of jest's. Jest loads every module anew for each file,
 * and for a spec that starts the service that takes longer than most of its tests.
 */
export function declareSuite(folder: string): void {
  for (const path of specsOf(folder)) {
    describe(path, () => {
      module.require(join(PROJECT, path));
      afterAll(dropFileDatabases);
    });
  }
}
