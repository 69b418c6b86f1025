import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

let known: string | undefined;

/** The version of this program, as its package.json has it. */
export function codeVersion(): string {
  known ??= readVersion(__dirname);
  return known;
}

function readVersion(folder: string): string {
  const file = join(folder, 'package.json');
  if (existsSync(file)) {
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  const parent = dirname(folder);
  return parent === folder ? 'unknown' : readVersion(parent);
}
