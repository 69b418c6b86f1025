import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runImport } from './processes';
import type { Results } from './report';

const IMPORTED_ACCOUNTS = 1_000;
const OPTIONS = ['--currency', 'USD', '--counter', 'import-cash:asset', '--create-accounts'];

/**
 * Imports a file into the books of a service that runs, as somebody does who moves in: the accounts
 * are opened with the first line that names them. Lines a second count from the first that is read
 * to the last that is committed.
 */
export async function measureImport(
  dataDir: string,
  lines: number,
  results: Results,
): Promise<void> {
  const file = join(dataDir, 'import.csv');
  const rows = Array.from({ length: lines }, (_, i) => {
    const day = String(1 + (i % 28)).padStart(2, '0');
    return `2026-01-${day},customer-${i % IMPORTED_ACCOUNTS},${1 + (i % 900)}.25,line-${i}`;
  });
  await writeFile(file, `${['date,account_id,amount,transaction_id', ...rows].join('\n')}\n`);
  const said = await runImport(dataDir, [file, ...OPTIONS]);
  const [, posted, rate] = /: ([\d,]+) posted.* \(([\d,]+) rows\/s\)/.exec(said) ?? [];
  if (numberOf(posted) !== lines) throw new Error(`An import of ${lines} lines said: ${said}`);
  const note = `npm run import of ${lines.toLocaleString('en')} lines, beside a running service`;
  results.add('import.lines_per_s', numberOf(rate), 'lines/s', note);
}

function numberOf(text = ''): number {
  return Number(text.replaceAll(',', ''));
}
