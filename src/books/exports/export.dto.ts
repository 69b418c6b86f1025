import { DateOnly, Instant, OneOf, PositionText } from '../../http/fields';
import { JOURNAL_FORMATS, type JournalFormatName } from './journal-formats';

export class JournalQuery {
  @OneOf(JOURNAL_FORMATS)
  format!: JournalFormatName;

  @DateOnly({ optional: true })
  from?: string;

  @DateOnly({ optional: true })
  to?: string;

  @PositionText(1)
  atPosition?: string;

  @Instant({ optional: true })
  at?: string;
}
