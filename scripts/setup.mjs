// Makes the project ready for the script that npm is about to run: installs the dependencies and,
// with --build, compiles; with --for-tests, installs the programs that the tests start. Runs on
// Node 20 with nothing installed, and does nothing where nothing has changed. The stamps hold
// hashes of contents: a checkout gives every file a new time, a copy a new place. What works stays
// until what replaces it is complete.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const BIN = join(ROOT, 'node_modules', '.bin');
const LOCK_FILE = join(ROOT, 'package-lock.json');
const INSTALLED = '.truebook-installed';
const BUILT = '.truebook-built';
/** What npm asks for the dependencies. */
const NPM_FILES = ['package.json', 'package-lock.json', '.npmrc'];
const COMPILED = ['src', 'scripts', 'migrations', 'test/bench'];
const COMPILED_BY = ['tsconfig.json', 'nest-cli.json', 'package-lock.json'];
const OLDEST_NODE = 20;
/** What the tests start, and the packages of Debian that have it. */
const TEST_PROGRAMS = {
  'redis-server': 'redis-server',
  hledger: 'hledger',
  ledger: 'ledger',
  'bean-check': 'beancount',
};
/** What Debian's packages ask whether they may start their service. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';

/**
 * A folder that is there while one process installs or builds; another one waits for it. Not in
 * node_modules, which the installation removes; the name is one that git ignores.
 */
const BUSY = join(ROOT, '.truebook-setup.log');
/** What is being made, where git ignores it too. */
const DRAFT = join(ROOT, '.truebook-draft.log');
const BUSY_DEADLINE_MS = 15 * 60_000;
const POLL_MS = 200;

class SetupFailed extends Error {}

function digest(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const name = relative(ROOT, file).split(sep).join('/');
    hash.update(`${name}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs|json)$/.test(entry.name))
    .filter((entry) => !entry.name.endsWith('.spec.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function stampIs(file, value) {
  return existsSync(file) && readFileSync(file, 'utf8') === value;
}

function run(what, command, args, cwd = ROOT) {
  const path = `${BIN}${delimiter}${process.env.PATH ?? ''}`;
  const windows = process.platform === 'win32';
  const options = { cwd, env: { ...process.env, PATH: path }, stdio: 'inherit' };
  const { status, error } = spawnSync(command, args, { ...options, shell: windows });
  if (error) throw new SetupFailed(`${what} failed: ${command} could not be run: ${error.message}`);
  if (status !== 0) throw new SetupFailed(`${what} failed: see the messages above`);
}

/** Where a folder is made, where it belongs, and where the one before it waits to be removed. */
function placesOf(name) {
  return [join(DRAFT, name), join(ROOT, name), join(DRAFT, `old-${name}`)];
}

/** Makes a folder aside with `make`, and has it take the old one's place when it is complete. */
function replace(name, make) {
  rmSync(DRAFT, { recursive: true, force: true });
  mkdirSync(DRAFT);
  try {
    make(DRAFT);
    const [made, place, old] = placesOf(name);
    if (!existsSync(place)) return renameSync(made, place);
    renameSync(place, old);
    try {
      renameSync(made, place);
    } catch (error) {
      renameSync(old, place);
      throw error;
    }
  } finally {
    rmSync(DRAFT, { recursive: true, force: true });
  }
}

/** Puts in place what a set-up had made whole that was killed between the two renames. */
function finishReplacing(name) {
  const [made, place, old] = placesOf(name);
  if (existsSync(old) && existsSync(made) && !existsSync(place)) renameSync(made, place);
}

function isInstalled() {
  const stamp = join(ROOT, 'node_modules', INSTALLED);
  return stampIs(stamp, digest([LOCK_FILE])) && existsSync(join(BIN, 'node'));
}

function install() {
  if (isInstalled()) return;
  process.stderr.write('Installing the dependencies (once, about a minute) …\n');
  replace('node_modules', (draft) => {
    for (const file of NPM_FILES) {
      if (existsSync(join(ROOT, file))) copyFileSync(join(ROOT, file), join(draft, file));
    }
    const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
    run('Installing the dependencies', 'npm', args, draft);
    if (!existsSync(join(draft, 'node_modules', '.bin', 'node'))) {
      throw new SetupFailed(
        'Node 24 was not installed: npm must be allowed to run the install script of "node" ' +
          '(npm config get ignore-scripts must say false)',
      );
    }
    writeFileSync(join(draft, 'node_modules', INSTALLED), digest([LOCK_FILE]));
  });
}

function buildDigest() {
  const folders = COMPILED.flatMap((folder) => filesBelow(join(ROOT, folder)));
  return digest([...folders, ...COMPILED_BY.map((file) => join(ROOT, file))]);
}

function isBuilt() {
  return stampIs(join(ROOT, 'dist', BUILT), buildDigest());
}

function build() {
  const wanted = buildDigest();
  if (isBuilt()) return;
  process.stderr.write('Building …\n');
  replace('dist', (draft) => {
    const dist = join(draft, 'dist');
    const tsc = join(ROOT, 'node_modules', 'typescript', 'lib', 'tsc.js');
    run('Building', 'node', [tsc, '-p', join(ROOT, 'tsconfig.json'), '--outDir', dist]);
    writeFileSync(join(dist, BUILT), wanted);
  });
}

function isOnPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  return folders.some((folder) => existsSync(join(folder, program)));
}

function asRoot(command, ...args) {
  const isRoot = process.getuid?.() === 0;
  const [program, ...rest] = isRoot ? [command, ...args] : ['sudo', '-n', command, ...args];
  run('Installing what the tests need', program, rest);
}

/**
 * The tests start servers of their own, so that those of the packages must not be started; and they
 * have other programs read the journals that we write.
 */
function installForTests() {
  const missing = Object.entries(TEST_PROGRAMS).filter(([program]) => !isOnPath(program));
  const packages = missing.map(([, name]) => name);
  if (packages.length === 0) return;
  const names = packages.join(', ');
  if (!isOnPath('apt-get')) {
    throw new SetupFailed(`The tests need ${names}, and there is no apt to install it with`);
  }
  process.stderr.write(`Installing ${names} for the tests (once) …\n`);
  const isOurs = !existsSync(SERVICE_POLICY);
  const refuse = `printf '#!/bin/sh\\nexit 101\\n' > ${SERVICE_POLICY}`;
  if (isOurs) asRoot('sh', '-c', `${refuse}; chmod 755 ${SERVICE_POLICY}`);
  try {
    asRoot('apt-get', 'update', '-qq');
    const quietly = ['-y', '-qq', '--no-install-recommends'];
    const noQuestions = 'DEBIAN_FRONTEND=noninteractive';
    asRoot('env', noQuestions, 'apt-get', 'install', ...quietly, ...packages);
  } finally {
    if (isOurs) asRoot('rm', '-f', SERVICE_POLICY);
  }
}

/** Whether the process that made the folder is gone. */
function isAbandoned() {
  try {
    const pid = Number(readFileSync(join(BUSY, 'pid'), 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    if (error.code === 'ESRCH') return true;
    if (error.code !== 'ENOENT') return false;
  }
  // Between making the folder and writing the pid there is only a moment.
  try {
    return Date.now() - statSync(BUSY).mtimeMs > 5_000;
  } catch {
    return false;
  }
}

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Two that install at once would delete each other's files. */
function alone(work) {
  const deadline = performance.now() + BUSY_DEADLINE_MS;
  for (;;) {
    try {
      mkdirSync(BUSY);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new SetupFailed(`${ROOT} is not writable: ${error.code}`);
    }
    if (isAbandoned()) rmSync(BUSY, { recursive: true, force: true });
    else if (performance.now() > deadline) throw new SetupFailed(`Another set-up holds ${BUSY}`);
    else sleep(POLL_MS);
  }
  writeFileSync(join(BUSY, 'pid'), String(process.pid));
  try {
    work();
  } finally {
    rmSync(BUSY, { recursive: true, force: true });
  }
}

try {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < OLDEST_NODE) {
    throw new SetupFailed(`Node ${OLDEST_NODE} or newer is needed; this is ${process.version}`);
  }
  const mustBuild = process.argv.includes('--build');
  if (process.argv.includes('--for-tests')) installForTests();
  if (!isInstalled() || (mustBuild && !isBuilt())) {
    alone(() => {
      finishReplacing('node_modules');
      finishReplacing('dist');
      install();
      if (mustBuild) build();
    });
  }
} catch (error) {
  if (!(error instanceof SetupFailed)) throw error;
  process.stderr.write(`Truebook could not be set up. ${error.message}.\n`);
  process.exit(1);
}
