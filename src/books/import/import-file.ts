import type { OpenLedger } from '../../engine/open-ledger';
import {
  PostTransactionBatch,
  type PostTransactionBatchInput,
} from '../transactions/batch.creator';
import { countLines, readRows, type ImportRow, type RefusedRow } from './csv-rows';
import { ImportAccounts } from './import-accounts';
import type { ImportPlan } from './import-plan';
import { submitPatiently } from './submit-patiently';

/** Rows in one command. */
const CHUNK_ROWS = 1_000;
/** Commands under way at once: while one chunk is committed, the next ones are run and read. */
const CHUNKS_IN_FLIGHT = 3;

export interface ImportOptions {
  readonly file: string;
  readonly plan: ImportPlan;
  readonly open: OpenLedger;
  /** Told of every row that becomes no transaction, roughly in the order of the file. */
  readonly onRefused?: (row: RefusedRow) => void;
  /** Told how many lines are done, and how many the file has. */
  readonly onProgress?: (done: number, lines: number) => void;
}

/** What became of the rows of a file. */
export interface ImportReport {
  readonly rows: number;
  readonly posted: number;
  /** Rows that an earlier run (or an earlier row, word for word) had posted. */
  readonly alreadyThere: number;
  readonly refused: number;
  readonly rowsPerSecond: number;
}

/**
 * Posts every row of a CSV file as a transaction, through the write path like any other command,
 * in the order of the file. A row's idempotency key is made of the import's name and the row's
 * transaction id, so an import that was interrupted is simply run again.
 * @throws ImportError, LedgerUnavailable
 */
export async function importFile(options: ImportOptions): Promise<ImportReport> {
  const lines = await countLines(options.file);
  const run = new ImportRun(options, lines);
  return run.run();
}

class ImportRun {
  private readonly accounts: ImportAccounts;
  private readonly inFlight: Promise<void>[] = [];
  private rows = 0;
  private posted = 0;
  private alreadyThere = 0;
  private refused = 0;

  constructor(
    private readonly options: ImportOptions,
    private readonly lines: number,
  ) {
    this.accounts = new ImportAccounts(options.open, options.plan);
  }

  async run(): Promise<ImportReport> {
    const startedMs = performance.now();
    const { file, plan } = this.options;
    await this.accounts.checkAccounts();
    let chunk: ImportRow[] = [];
    for await (const row of readRows(file, plan)) {
      this.rows++;
      if ('reason' in row) this.refuse(row);
      else if (chunk.push(row) === CHUNK_ROWS) {
        await this.post(chunk);
        chunk = [];
      }
    }
    await this.post(chunk);
    await Promise.all(this.inFlight);
    const seconds = (performance.now() - startedMs) / 1000;
    const { rows, posted, alreadyThere, refused } = this;
    return { rows, posted, alreadyThere, refused, rowsPerSecond: Math.round(rows / seconds) };
  }

  /** Sends a chunk on its way; waits only while too many are under way. */
  private async post(chunk: readonly ImportRow[]): Promise<void> {
    const absent = await this.accounts.prepare(chunk);
    const rows = chunk.filter(({ line, account }) => {
      if (!absent.has(account)) return true;
      this.refuse({ line, reason: `there is no account "${account}"` });
      return false;
    });
    if (rows.length === 0) return;
    const sent = this.submit(rows);
    // Whoever awaits it next hears of an error; until then it must not count as unhandled.
    sent.catch(() => undefined);
    this.inFlight.push(sent);
    if (this.inFlight.length >= CHUNKS_IN_FLIGHT) await this.inFlight.shift();
  }

  private async submit(rows: readonly ImportRow[]): Promise<void> {
    const { open, plan, onProgress } = this.options;
    const transactions = rows.map((row) => transactionOf(row, plan.name));
    const outcome = await submitPatiently(open.ledger, {
      creator: PostTransactionBatch,
      input: { mode: 'independent' as const, transactions },
      actor: 'import',
    });
    if (outcome.kind === 'refused') throw outcome.refusal;
    for (const [i, result] of outcome.answer.entries()) {
      const { line } = rows[i]!;
      if ('refusal' in result) this.refuse({ line, reason: reasonOf(result.refusal) });
      else if (result.isHit) this.alreadyThere++;
      else this.posted++;
    }
    onProgress?.(rows.at(-1)!.line, this.lines);
  }

  private refuse(row: RefusedRow): void {
    this.refused++;
    this.options.onRefused?.(row);
  }
}

function transactionOf(
  row: ImportRow,
  name: string,
): PostTransactionBatchInput['transactions'][number] {
  const { amount, direction } = row;
  const other = direction === 'debit' ? 'credit' : 'debit';
  return {
    idempotencyKey: `import:${name}:${row.transactionId}`,
    clientId: `${name}:${row.transactionId}`,
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
  const errors = (details as { errors?: { pointer: string; message: string }[] }).errors;
  const which = errors?.map((e) => `${e.pointer} ${e.message}`).join(', ');
  return `${code}: ${which ?? detail}`;
}
