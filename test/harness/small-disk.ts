import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chown, mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { query } from './cluster';

const run = promisify(execFile);

/**
 * A file system of a few MiB, for specs that fill a disk. Root mounts it. Whoever may not makes a
 * user namespace of its own and mounts it there, and reaches it through the process that holds it.
 */
export class SmallDisk {
  private constructor(
    /** The root folder of the file system, which everybody may write to. */
    readonly path: string,
    private readonly holder: ChildProcess | undefined,
  ) {}

  /** @throws Error where this machine lets nobody mount anything; the spec cannot run then */
  static async mount(folder: string, bytes: number): Promise<SmallDisk> {
    const path = join(folder, 'small-disk');
    await mkdir(path);
    const options = `size=${bytes},mode=0777`;
    const mounting = run('mount', ['-t', 'tmpfs', '-o', options, 'none', path]);
    const isMounted = await mounting.then(
      () => true,
      () => false,
    );
    if (isMounted) return new SmallDisk(path, undefined);
    // It ends with its standard input, that is with this process at the latest.
    const script = `mount -t tmpfs -o ${options} none "$0" && echo mounted && exec cat`;
    const unshare = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, path];
    const holder = spawn('unshare', unshare, { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise<void>((done, fail) => {
      holder.stdout.once('data', () => done());
      holder.once('error', fail);
      holder.once('exit', (code) => fail(new Error(`No small disk: unshare ended with ${code}`)));
    });
    return new SmallDisk(`/proc/${holder.pid}/root${path}`, holder);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /** Takes all room but so much. */
  async fillUp(leftBytes: number): Promise<void> {
    const bytes = (await this.freeBytes()) - leftBytes;
    const filling = writeFile(join(this.path, 'ballast'), Buffer.alloc(Math.max(0, bytes)));
    // Others write meanwhile: then it is full before.
    await filling.catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') throw error;
    });
  }

  /** Gives the room that was taken free again. */
  async makeRoom(): Promise<void> {
    await rm(join(this.path, 'ballast'), { force: true });
  }

  /** Ends the file system; nobody may use it any longer. */
  async unmount(): Promise<void> {
    if (this.holder) this.holder.stdin!.end();
    else await run('umount', [this.path]);
  }
}

/** Moves the state's database of a cluster in `folder` to another disk. */
export async function moveState(superUrl: string, folder: string, disk: SmallDisk): Promise<void> {
  const tables = join(disk.path, 'tables');
  await mkdir(tables, { mode: 0o700 });
  const { uid, gid } = await stat(join(folder, 'postgres'));
  if (process.getuid?.() === 0) await chown(tables, uid, gid);
  await query(superUrl, `create tablespace small location '${tables}'`);
  await query(superUrl, 'alter database truebook_state set tablespace small');
}
