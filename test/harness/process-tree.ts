import { readdir, readFile } from 'node:fs/promises';

/**
 * Kills a process with everything that it started, as an outage would: what is stopped first can
 * start nothing more. Linux alone.
 */
export async function killTree(pid: number): Promise<void> {
  const tree: number[] = [];
  const found = [pid];
  while (found.length > 0) {
    for (const one of found) signal(one, 'SIGSTOP');
    tree.push(...found);
    found.splice(0, found.length, ...(await childrenOf(new Set(tree))));
  }
  for (const one of tree) signal(one, 'SIGKILL');
}

/** Children that are not among the processes themselves. */
export async function childrenOf(parents: ReadonlySet<number>): Promise<number[]> {
  const children: number[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || parents.has(pid)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // The program's name stands in brackets, and may have any in it.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parents.has(parent)) children.push(pid);
  }
  return children;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
