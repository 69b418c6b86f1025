import { Controller, Get, Param, Query, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { csvAnswer, type CsvCell } from '../../http/csv';
import { formatOf } from '../../http/formats';
import {
  checkForwards,
  checkOwner,
  cursorKey,
  encodeCursor,
  limitOf,
  listOf,
} from '../../http/page';
import { PdfAnswers } from '../../http/pdf';
import { Permission } from '../../http/permission';
import { found, Reads, ReferencePipe } from '../../http/reads';
import { readAccount } from '../accounts/account.queries';
import { checkWhole, ENTRY_HEADER, entryRow, STREAMED_ENTRIES } from './entry-rows';
import { StatementDto, StatementQuery } from './statement.dto';
import { StatementPdf } from './statement-pdf';
import { checkDays } from './report.rules';
import { placeKey, placeOfKey, type PlaceKey } from './statement.cursor';
import { readStatementEnds, readStatementEntries, statementView } from './statement';
import type { StatementEntries } from './statement';

/** Account number, position of the log, and the place of the last entry. */
type PageKey = [accountNo: number, position: number, ...place: PlaceKey];

@ApiTags('books')
@Controller('v1/accounts')
export class StatementController {
  constructor(
    private readonly reads: Reads,
    private readonly pdfs: PdfAnswers,
  ) {}

  @Get(':id/statement')
  @Permission('accounts.read')
  @ApiOperation({
    summary: 'The statement of an account, by effective date',
    description:
      'from and to are effective dates. With atPosition (or at, a time): as it was known after ' +
      'that event. A cursor keeps the position that its first page was read at. ' +
      'As CSV and PDF it has all entries.',
  })
  @ApiRead({ type: StatementDto, problems: ['not_found'], formats: ['csv', 'pdf'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() query: StatementQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<StatementDto | StreamableFile> {
    checkDays(query);
    checkForwards(query);
    const format = formatOf(['csv', 'pdf'], query.format, reply.request.headers.accept);
    if (format !== 'json') return this.streamed(id, format, query, reply);
    const { from, to } = query;
    const key = cursorKey(query, 6) as PageKey;
    const [owner, pinned, ...place] = key;
    const at = query.cursor === undefined ? await this.reads.asOf(reply, query) : pinned;
    const after = query.cursor === undefined ? undefined : placeOfKey(place);
    const days = { from, to, position: at };
    const { position, value } = await this.reads.readAt(reply, at, async (db) => {
      const account = await readAccount(db, id, at);
      if (!account) return undefined;
      checkOwner(query, [owner], account.account_no);
      const page = await readStatementEntries(db, account, days, after, limitOf(query));
      const ends = await readStatementEnds(db, [account], days);
      return { account, page, ends: ends.get(account.account_no)! };
    });
    const { account, page, ends } = found(value, 'account', id);
    const { entries, next } = page;
    return {
      ...statementView(account, ends, entries),
      position,
      from: from ?? null,
      to: to ?? null,
      nextCursor: next
        ? encodeCursor(listOf(reply), [account.account_no, position, ...placeKey(next)])
        : null,
    };
  }

  /** All entries, as their reader takes them. */
  private async streamed(
    id: string,
    format: 'csv' | 'pdf',
    query: StatementQuery,
    reply: Reply,
  ): Promise<StreamableFile> {
    checkWhole(query);
    const { from, to } = query;
    if (format === 'pdf') await this.pdfs.begin(reply);
    const at = await this.reads.asOf(reply, query);
    const { position, value } = await this.reads.readAt(
      reply,
      at,
      async (db) => {
        const account = await readAccount(db, id, at);
        if (!account) return undefined;
        const days = { from, to, position: at };
        const first = await readStatementEntries(db, account, days, undefined, STREAMED_ENTRIES);
        const ends = await readStatementEnds(db, [account], days);
        return { account, first, ends: ends.get(account.account_no)! };
      },
      'expensive',
    );
    const { account, first, ends } = found(value, 'account', id);
    const pages = this.reads.pages(reply, first, (db, after) =>
      readStatementEntries(db, account, { from, to, position }, after, STREAMED_ENTRIES),
    );
    const name = `statement-${account.account_id}`;
    if (format === 'csv') return csvAnswer(name, ENTRY_HEADER, rowsOf(pages));
    const pdf = new StatementPdf({ account, ends, from, to, position });
    return this.pdfs.answer(name, pdf.document, pdf.parts(pages));
  }
}

async function* rowsOf(pages: AsyncGenerator<StatementEntries>): AsyncGenerator<CsvCell[][]> {
  for await (const { entries } of pages) yield entries.map(entryRow);
}
