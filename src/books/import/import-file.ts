import type { Creator } from '../../engine/define/creator';
import type { OpenLedger } from '../../engine/open-ledger';
import {
  batchOf,
  type BatchResult,
  type PostTransactionBatchInput,
} from '../transactions/batch.creator';
import { checkAccounts } from './counter-accounts';
import {
  readRows,
  type CheckedFile,
  type ImportRow,
  type RefusedRow,
  type UnbookedRow,
} from './csv-rows';
import { importRow } from './import-row.creator';
import { submitPatiently } from './submit-patiently';

/** Rows in one command. */
const CHUNK_ROWS = 1_000;
/** Commands under way at once: while one chunk is committed, the next ones are run and read. */
const CHUNKS_IN_FLIGHT = 3;

export interface ImportOptions {
  readonly checked: CheckedFile;
  readonly open: OpenLedger;
  /** Told of every row that becomes no transaction, roughly in the order of the file. */
  readonly onRefused?: (row: RefusedRow) => void;
  /** Told how many lines are done, and how many the file has. */
  readonly onProgress?: (done: number, lines: number) => void;
}

/** What became of the rows of a file; in a dry run: what would become of them. */
export interface ImportReport {
  readonly rows: number;
  readonly posted: number;
  /** Rows that an earlier run (or an earlier row with the same id, word for word) had posted. */
  readonly alreadyThere: number;
  /** Rows that their status left out. */
  readonly notBooked: number;
  readonly refused: number;
  readonly rowsPerSecond: number;
}

/**
 * Posts every row of a CSV file as a transaction, through the write path like any other command,
 * in the order of the file. A row's idempotency key is made of what it says, so an import that was
 * interrupted is simply run again, also under another name of the file; a row that was refused is
 * asked anew.
 * @throws ImportError, before anything is posted, where currency or accounts do not fit;
 *   LedgerUnavailable
 */
export async function importFile(options: ImportOptions): Promise<ImportReport> {
  await checkAccounts(options.open, options.checked.plan);
  return new ImportRun(options).run();
}

class ImportRun {
  private readonly creator: Creator<PostTransactionBatchInput, BatchResult[]>;
  private readonly inFlight: Promise<void>[] = [];
  private rows = 0;
  private posted = 0;
  private alreadyThere = 0;
  private notBooked = 0;
  private refused = 0;

  constructor(private readonly options: ImportOptions) {
    this.creator = batchOf('ImportRows', importRow(options.checked.plan));
  }

  async run(): Promise<ImportReport> {
    const startedMs = performance.now();
    const { file, plan } = this.options.checked;
    let chunk: ImportRow[] = [];
    for await (const row of readRows(file, plan)) {
      this.rows++;
      if (!isToPost(row)) this.leaveOut(row);
      else if (chunk.push(row) === CHUNK_ROWS) {
        await this.post(chunk);
        chunk = [];
      }
    }
    if (chunk.length > 0) await this.post(chunk);
    await Promise.all(this.inFlight);
    const seconds = (performance.now() - startedMs) / 1000;
    const { rows, posted, alreadyThere, notBooked, refused } = this;
    const rowsPerSecond = Math.round(rows / seconds);
    return { rows, posted, alreadyThere, notBooked, refused, rowsPerSecond };
  }

  /** Sends a chunk on its way; waits only while too many are under way. */
  private async post(rows: readonly ImportRow[]): Promise<void> {
    const sent = this.submit(rows);
    // Whoever awaits it next hears of an error; until then it must not count as unhandled.
    sent.catch(() => undefined);
    this.inFlight.push(sent);
    if (this.inFlight.length >= CHUNKS_IN_FLIGHT) await this.inFlight.shift();
  }

  private async submit(rows: readonly ImportRow[]): Promise<void> {
    const { checked, open, onProgress } = this.options;
    const outcome = await submitPatiently(open.ledger, {
      creator: this.creator,
      input: { mode: 'independent' as const, transactions: rows.map(transactionOf) },
      actor: 'import',
      dryRun: checked.plan.isDryRun,
    });
    if (outcome.kind === 'refused') throw outcome.refusal;
    for (const [i, result] of outcome.answer.entries()) {
      const { line } = rows[i]!;
      if ('refusal' in result) this.leaveOut({ line, reason: reasonOf(result.refusal) });
      else if (result.isHit) this.alreadyThere++;
      else this.posted++;
    }
    onProgress?.(rows.at(-1)!.line, checked.lines);
  }

  private leaveOut(row: RefusedRow | UnbookedRow): void {
    if ('status' in row) return void this.notBooked++;
    this.refused++;
    this.options.onRefused?.(row);
  }
}

function isToPost(row: ImportRow | RefusedRow | UnbookedRow): row is ImportRow {
  return 'key' in row;
}

function transactionOf(row: ImportRow): PostTransactionBatchInput['transactions'][number] {
  const { amount, direction } = row;
  const other = direction === 'debit' ? 'credit' : 'debit';
  return {
    idempotencyKey: row.key,
    clientId: row.clientId,
    description: row.description,
    effectiveDate: row.date,
    metadata: row.metadata,
    postings: [
      { accountId: `client:${row.account}`, direction, amount },
      { accountId: `client:${row.counter.clientId}`, direction: other, amount },
    ],
  };
}

function reasonOf({ code, detail, details }: { code: string; detail: string; details: object }) {
  if (code === 'idempotency_key_reused') return 'it was imported before, with other options';
  const errors = (details as { errors?: { pointer: string; message: string }[] }).errors;
  const which = errors?.map((e) => `${e.pointer} ${e.message}`).join(', ');
  return `${code}: ${which ?? detail}`;
}
