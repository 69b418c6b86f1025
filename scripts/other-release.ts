import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { DatabaseUrls } from '../src/database/connections';
import type { MadeOfLog } from '../src/proof/replay/rebuild-into';
import { UsageError } from './run-script';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** The folder with package.json; this file runs from dist/scripts. */
const PROJECT = join(__dirname, '..', '..');
const REBUILD = join('dist', 'scripts', 'rebuild.js');

/** Another version of this program, installed and built. */
export class OtherRelease {
  private constructor(
    private readonly folder: string,
    /** Removes what was checked out for it. */
    readonly remove: () => Promise<void>,
    /** Ends what is run of it. */
    private readonly signal: AbortSignal,
  ) {}

  /**
   * A folder with a checkout, or a commit, branch or tag of this project's repository, which is
   * checked out below the system's folder for temporary files.
   * @throws UsageError where it is neither, or older than this check
   */
  static async open(dirOrRef: string, signal: AbortSignal): Promise<OtherRelease> {
    const isFolder = existsSync(join(dirOrRef, 'package.json'));
    const release = isFolder
      ? new OtherRelease(resolve(dirOrRef), () => Promise.resolve(), signal)
      : await OtherRelease.checkOut(dirOrRef, signal);
    try {
      await release.build(dirOrRef);
      return release;
    } catch (error) {
      await release.remove();
      throw error;
    }
  }

  private static async checkOut(ref: string, signal: AbortSignal): Promise<OtherRelease> {
    const git = (...args: string[]) => run('git', ['-C', PROJECT, ...args]);
    const found = git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`);
    const { stdout } = await found.catch(() => {
      throw new UsageError(`"${ref}" is neither a folder with a checkout nor a commit of this one`);
    });
    const folder = await mkdtemp(join(tmpdir(), 'truebook-release-'));
    await git('worktree', 'add', '--detach', '--force', folder, stdout.trim());
    const remove = async () => {
      await rm(folder, { recursive: true, force: true });
      await git('worktree', 'prune');
    };
    return new OtherRelease(folder, remove, signal);
  }

  private async build(name: string): Promise<void> {
    if (!existsSync(join(this.folder, 'scripts', 'rebuild.ts'))) {
      throw new UsageError(`"${name}" is older than this check: it has no scripts/rebuild.ts`);
    }
    await run(process.execPath, [join(this.folder, 'scripts', 'setup.mjs'), '--build'], {
      cwd: this.folder,
      maxBuffer: MAX_OUTPUT_BYTES,
      signal: this.signal,
    });
  }

  /** Has it build the state of a log in an empty state database. */
  async rebuild(urls: DatabaseUrls, toPosition: number): Promise<MadeOfLog> {
    const args = [join(this.folder, REBUILD), '--to', String(toPosition)];
    const { stdout } = await run(process.execPath, args, {
      cwd: this.folder,
      maxBuffer: MAX_OUTPUT_BYTES,
      signal: this.signal,
      env: { PATH: '', LOG_DATABASE_URL: urls.log, STATE_DATABASE_URL: urls.state },
    });
    return JSON.parse(stdout) as MadeOfLog;
  }
}
