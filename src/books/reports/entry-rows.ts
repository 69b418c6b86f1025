import { CsvNumber, type CsvCell } from '../../http/csv';
import { invalidRequest } from '../../http/problem';
import type { StatementEntryDto } from './statement.dto';

/** Entries that are read at a time for an answer that has all of them. */
export const STREAMED_ENTRIES = 500;

/** The columns of an entry, of a statement and of a general ledger. */
export const ENTRY_HEADER = [
  ...['effectiveDate', 'recordedAt', 'position', 'transactionId', 'clientId', 'description'],
  ...['direction', 'amount', 'balance', 'counterAccounts', 'metadata'],
];

/** An entry as a row of CSV. */
export function entryRow(entry: StatementEntryDto): CsvCell[] {
  return [
    entry.effectiveDate,
    entry.recordedAt,
    new CsvNumber(String(entry.position)),
    entry.transactionId,
    entry.clientId,
    entry.description,
    entry.direction,
    new CsvNumber(entry.amount),
    new CsvNumber(entry.balance),
    entry.counterAccounts.map(({ name }) => name).join('; '),
    Object.keys(entry.metadata).length > 0 ? JSON.stringify(entry.metadata) : null,
  ];
}

/** What has all entries has no pages. @throws Refusal `validation_failed` */
export function checkWhole(query: { readonly limit?: string; readonly cursor?: string }): void {
  for (const name of ['limit', 'cursor'] as const) {
    if (query[name] === undefined) continue;
    const message = 'is for JSON alone: every other format has all entries';
    throw invalidRequest({ pointer: `/${name}`, message });
  }
}
