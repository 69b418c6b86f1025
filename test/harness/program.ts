import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { testCluster } from './cluster';
import { waitFor } from './waiting';

const PROJECT = resolve(__dirname, '../..');
const COMPILE_TIMEOUT_MS = 120_000;
const run = promisify(execFile);

/**
 * Compiles the program once a run, the first time that a spec wants to start it as a process of
 * its own, and not into `dist`, which may be in use. @returns the folder that stands for `dist`
 */
export async function compiledProgram(): Promise<string> {
  const { runDir } = testCluster();
  const folder = join(runDir, 'program');
  const ready = join(runDir, 'program-is-ready');
  try {
    await mkdir(folder);
  } catch {
    // Another spec file was first.
    await waitFor('the program to be compiled', () => existsSync(ready), COMPILE_TIMEOUT_MS);
    return folder;
  }
  // Types are checked by `npm run check`; here they would cost every run several seconds.
  const options = ['--noCheck', '--sourceMap', 'false', '--outDir', folder];
  await run(process.execPath, [
    join(PROJECT, 'node_modules/typescript/lib/tsc.js'),
    ...['-p', join(PROJECT, 'tsconfig.json'), ...options],
  ]);
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  await symlink(join(PROJECT, 'package.json'), join(folder, 'package.json'));
  await writeFile(ready, '');
  return folder;
}
