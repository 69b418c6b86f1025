import { BeancountFormat } from './beancount-format';
import { CsvFormat } from './csv-format';
import type { JournalFormat } from './journal-format';
import { PlainTextFormat } from './plain-text-format';

export const JOURNAL_FORMATS = ['hledger', 'ledger', 'beancount', 'csv'] as const;
export type JournalFormatName = (typeof JOURNAL_FORMATS)[number];

/** Makes what writes one journal. */
export const journalFormats: Readonly<Record<JournalFormatName, () => JournalFormat>> = {
  hledger: () => new PlainTextFormat('hledger'),
  ledger: () => new PlainTextFormat('ledger'),
  beancount: () => new BeancountFormat(),
  csv: () => new CsvFormat(),
};
