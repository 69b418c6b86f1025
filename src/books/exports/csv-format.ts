import { csvOf, CsvNumber } from '../../http/csv';
import { formatAmount } from '../../money/amount';
import type { JournalFormat, JournalHead, JournalPosting } from './journal-format';

const HEADER = [
  ...['effectiveDate', 'position', 'recordedAt', 'transactionId', 'clientId', 'description'],
  ...['accountId', 'accountClientId', 'account', 'group', 'type'],
  ...['direction', 'amount', 'currency', 'reverses', 'source', 'holdId', 'metadata'],
];

/** A row for each posting. Opening balances are rows without a position. */
export class CsvFormat implements JournalFormat {
  readonly contentType = 'text/csv';
  readonly extension = 'csv';

  begin(): string {
    return csvOf([HEADER]);
  }

  currency(): string {
    return '';
  }

  account(): string {
    return '';
  }

  head(): string {
    return '';
  }

  postings(postings: readonly JournalPosting[], { date, description, event }: JournalHead): string {
    const { metadata = {} } = event ?? {};
    const rows = postings.map(({ account, amount }) => [
      date,
      event ? new CsvNumber(String(event.position)) : null,
      ...[event?.recordedAt ?? null, event?.id ?? null, event?.clientId ?? null, description],
      ...[account.id, account.clientId, account.name, account.group, account.type],
      amount < 0n ? 'credit' : 'debit',
      new CsvNumber(formatAmount(amount < 0n ? -amount : amount, account.currency.digits)),
      account.currency.code,
      ...[event?.reverses ?? null, event?.source ?? null, event?.holdId ?? null],
      Object.keys(metadata).length > 0 ? JSON.stringify(metadata) : null,
    ]);
    return csvOf(rows);
  }

  rest(): string {
    return '';
  }

  end(): string {
    return '';
  }
}
