import { AsOfQuery } from '../../http/as-of';
import { DateOnly, OneOf } from '../../http/fields';
import { JOURNAL_FORMATS, type JournalFormatName } from './journal-formats';

export class JournalQuery extends AsOfQuery {
  @OneOf(JOURNAL_FORMATS)
  format!: JournalFormatName;

  @DateOnly({ optional: true })
  from?: string;

  @DateOnly({ optional: true })
  to?: string;
}
