import { Controller, Get, Query, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiTextRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { Permission } from '../../http/permission';
import { Reads } from '../../http/reads';
import { textAnswer } from '../../http/text-answer';
import { checkDays } from '../reports/report.rules';
import { JournalQuery } from './export.dto';
import { journalOf } from './journal';
import { journalFormats } from './journal-formats';

@ApiTags('books')
@Controller('v1/exports')
export class ExportController {
  constructor(private readonly reads: Reads) {}

  @Get('journal')
  @Permission('books.export')
  @ApiOperation({
    summary: 'All accounts and transactions as a journal of another program',
    description:
      'For hledger, ledger, beancount or as CSV, by effective date, then position. from and to ' +
      'are effective dates; with from, what accounts had before that day is a transaction for ' +
      'each currency. With atPosition (or at, a time): as it was known after that event. ' +
      'An answer that breaks off is not whole: it lacks its last line, "; End of the journal".',
  })
  @ApiTextRead(['text/plain', 'text/csv'])
  async journal(
    @Query() query: JournalQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<StreamableFile> {
    checkDays(query);
    const { from, to } = query;
    const at = await this.reads.asOf(reply, query);
    const { position } = await this.reads.oneAt(reply, at, () => Promise.resolve());
    const format = journalFormats[query.format]();
    const pieces = journalOf(
      (run) => this.reads.piece(reply, run, 'expensive'),
      { from, to, position },
      format,
    );
    return textAnswer(`journal.${format.extension}`, format.contentType, pieces);
  }
}
