import { dirname, join } from 'node:path';
import type { TestLength } from './harness/rounds';
import { specsOf } from './harness/suite';
import { PROJECT, sourceFiles } from './source-files';

const SUITE = /(^|\/)suite\.spec\.ts$/;
const specs = sourceFiles().filter((file) => file.isSpec);
const suites = specs.filter((file) => SUITE.test(file.path));
const paths = specs.map((file) => file.path).filter((path) => !SUITE.test(path));

/** What all suites run. */
function run(length: TestLength): string[] {
  return suites.flatMap(({ path }) => specsOf(join(PROJECT, dirname(path)), length)).sort();
}

describe('the suites', () => {
  it('run every spec file once in a long run', () => {
    expect(run('long')).toEqual(paths.sort());
    expect(paths.length).toBeGreaterThan(100);
  });

  it('run in a short run all but those for long ones', () => {
    const short = run('short');
    expect(short).toEqual(paths.filter((path) => !path.endsWith('.long.spec.ts')).sort());
    expect(run('long')).toEqual(expect.arrayContaining(short));
  });

  it('run as the rest all that a short run leaves out', () => {
    const [short, rest] = [run('short'), run('rest')];
    expect([...new Set([...short, ...rest])].sort()).toEqual(paths.sort());
    for (const { path, text } of specs) {
      if (/\brounds\(/.test(text) && path !== 'test/suites.spec.ts') expect(rest).toContain(path);
    }
    expect(rest.length).toBeLessThan(paths.length / 3);
  });

  it('are of specs that set no time for others', () => {
    const setters = specs.filter(({ path, text }) => {
      return path !== 'test/suites.spec.ts' && text.includes('jest.setTimeout');
    });
    expect(setters.map(({ path }) => path)).toEqual([]);
  });
});
