import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { testCluster } from '../harness/cluster';

const PROJECT = resolve(__dirname, '../..');
const EMPTY = '{}\n';
/** Installs what `node` and `typescript` stand for, as far as the set-up looks at it. */
const NPM = `#!/bin/sh
rm -rf node_modules
mkdir -p node_modules/.bin
ln -s "${process.execPath}" node_modules/.bin/node
ln -s "${join(PROJECT, 'node_modules/typescript')}" node_modules/typescript
`;
/** npm without a network empties the folder before it finds out. */
const NPM_OFFLINE = `#!/bin/sh
rm -rf node_modules
exit 1
`;

/** A small project with the set-up of this one, beside a folder with the npm that it finds. */
class SmallProject {
  private constructor(readonly root: string) {}

  static async make(): Promise<SmallProject> {
    const folder = await mkdtemp(join(testCluster().runDir, 'setup-'));
    const root = join(folder, 'first');
    for (const name of ['scripts', 'src', 'bin'])
      await mkdir(join(root, name), { recursive: true });
    await copyFile(join(PROJECT, 'scripts/setup.mjs'), join(root, 'scripts/setup.mjs'));
    for (const name of ['package.json', 'package-lock.json', 'nest-cli.json']) {
      await writeFile(join(root, name), EMPTY);
    }
    const tsconfig = { compilerOptions: { rootDir: '.', types: [], module: 'nodenext' } };
    await writeFile(join(root, 'tsconfig.json'), JSON.stringify({ ...tsconfig, include: ['src'] }));
    const project = new SmallProject(root);
    await project.write('src/main.ts', 'export const answer = 42;\n');
    await project.setNpm(NPM);
    return project;
  }

  async copyTo(name: string): Promise<SmallProject> {
    const root = join(this.root, '..', name);
    await cp(this.root, root, { recursive: true, verbatimSymlinks: true });
    return new SmallProject(root);
  }

  write(path: string, text: string): Promise<void> {
    return writeFile(join(this.root, path), text);
  }

  read(path: string): Promise<string> {
    return readFile(join(this.root, path), 'utf8');
  }

  async setNpm(text: string): Promise<void> {
    const file = join(this.root, 'bin/npm');
    await writeFile(file, text);
    await chmod(file, 0o755);
  }

  /** @returns the exit code and what was said */
  setUp(): Promise<{ code: number; said: string }> {
    const script = join(this.root, 'scripts/setup.mjs');
    const env = { PATH: `${join(this.root, 'bin')}:/usr/bin:/bin` };
    return new Promise((done) => {
      execFile(process.execPath, [script, '--build'], { env }, (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code), said: stdout + stderr }),
      );
    });
  }
}

describe('the set-up', () => {
  it('does nothing in a copy of what is installed and built', async () => {
    const project = await SmallProject.make();
    expect((await project.setUp()).code).toBe(0);
    const copy = await project.copyTo('second');
    await copy.setNpm(NPM_OFFLINE);
    expect(await copy.setUp()).toEqual({ code: 0, said: '' });
    expect(await copy.read('dist/src/main.js')).toContain('42');
  });

  it('removes nothing that works where it cannot be replaced', async () => {
    const project = await SmallProject.make();
    expect((await project.setUp()).code).toBe(0);
    await symlink('/nowhere', join(project.root, 'node_modules/kept'));
    await project.write('package-lock.json', '{ "name": "newer" }\n');
    await project.setNpm(NPM_OFFLINE);
    expect((await project.setUp()).code).toBe(1);
    expect(await project.read('node_modules/.truebook-installed')).toHaveLength(64);
    expect(await project.read('dist/src/main.js')).toContain('42');
    await project.setNpm(NPM);
    await project.write('src/main.ts', 'export const answer: string = 43;\n');
    expect((await project.setUp()).code).toBe(1);
    expect(await project.read('dist/src/main.js')).toContain('42');
    await project.write('src/main.ts', 'export const answer = 44;\n');
    expect((await project.setUp()).code).toBe(0);
    expect(await project.read('dist/src/main.js')).toContain('44');
  });

  it('finishes what was killed between the two renames', async () => {
    const project = await SmallProject.make();
    expect((await project.setUp()).code).toBe(0);
    const draft = join(project.root, '.truebook-draft.log');
    for (const name of ['node_modules', 'dist']) {
      await mkdir(join(draft, `old-${name}`), { recursive: true });
      await rename(join(project.root, name), join(draft, name));
    }
    await project.setNpm(NPM_OFFLINE);
    expect(await project.setUp()).toEqual({ code: 0, said: '' });
    expect(await project.read('node_modules/.truebook-installed')).toHaveLength(64);
    expect(await project.read('dist/src/main.js')).toContain('42');
  });
});
