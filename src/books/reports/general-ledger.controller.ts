import { Controller, Get, Query, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { csvAnswer, CsvNumber, type CsvCell } from '../../http/csv';
import { wantsCsv } from '../../http/formats';
import { checkForwards, cursorKey, encodeCursor, limitOf, listOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { Reads } from '../../http/reads';
import { checkWhole, ENTRY_HEADER, entryRow, STREAMED_ENTRIES } from './entry-rows';
import { readGeneralLedger, type LedgerPage, type LedgerPlace } from './general-ledger';
import { GeneralLedgerDto, GeneralLedgerQuery } from './general-ledger.dto';
import { checkDays } from './report.rules';
import { placeKey, placeOfKey, type PlaceKey } from './statement.cursor';
import type { AccountStatementDto } from './statement.dto';

/** Position of the log, account number, and the place of its last entry: zeros behind all. */
type PageKey = [position: number, accountNo: number, ...place: PlaceKey];
const BEHIND_ALL: PlaceKey = [0, 0, 0, 0];

const CSV_HEADER = [
  ...['accountId', 'accountClientId', 'accountName', 'type', 'group', 'currency', 'row'],
  ...ENTRY_HEADER,
];

@ApiTags('books')
@Controller('v1/reports/general-ledger')
export class GeneralLedgerController {
  constructor(private readonly reads: Reads) {}

  @Get()
  @Permission('reports.read')
  @ApiOperation({
    summary: 'The general ledger: the statements of all accounts, or of a group',
    description:
      'from and to are effective dates, atPosition (or at, a time) is the last event that counts ' +
      'and says which group an account is in. A page has as many entries and accounts as limit ' +
      'says, and 50 accounts at most; a cursor keeps the position of the first page. As CSV it ' +
      'has all of them, each account with a row for its opening and its closing balance.',
  })
  @ApiRead({ type: GeneralLedgerDto, formats: ['csv'] })
  async read(
    @Query() query: GeneralLedgerQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<GeneralLedgerDto | StreamableFile> {
    checkDays(query);
    checkForwards(query);
    if (wantsCsv(query.format, reply.request.headers.accept)) return this.csv(query, reply);
    const { from, to, group } = query;
    const [pinned, accountNo, ...place] = cursorKey(query, 6) as PageKey;
    const isFirst = query.cursor === undefined;
    const at = isFirst ? await this.reads.asOf(reply, query) : pinned;
    const entry = place[0] === 0 ? undefined : placeOfKey(place);
    const after = isFirst ? undefined : { accountNo, entry };
    const { position, value } = await this.reads.readAt(reply, at, (db) =>
      readGeneralLedger(db, { from, to, group, position: at }, after, limitOf(query)),
    );
    const { accounts, next } = value;
    return {
      position,
      from: from ?? null,
      to: to ?? null,
      accounts: [...accounts],
      nextCursor: next ? encodeCursor(listOf(reply), keyOf(position, next)) : null,
    };
  }

  private async csv(query: GeneralLedgerQuery, reply: Reply): Promise<StreamableFile> {
    checkWhole(query);
    const { from, to, group } = query;
    const at = await this.reads.asOf(reply, query);
    const of = { from, to, group };
    const { position, value: first } = await this.reads.readAt(
      reply,
      at,
      (db) => readGeneralLedger(db, { ...of, position: at }, undefined, STREAMED_ENTRIES),
      'expensive',
    );
    const pages = this.reads.pages(reply, first, (db, after) =>
      readGeneralLedger(db, { ...of, position }, after, STREAMED_ENTRIES),
    );
    return csvAnswer('general-ledger', CSV_HEADER, rowsOf(pages));
  }
}

function keyOf(position: number, { accountNo, entry }: LedgerPlace): PageKey {
  return [position, accountNo, ...(entry ? placeKey(entry) : BEHIND_ALL)];
}

/** Each account's opening balance, its entries, and its closing balance, whatever the pages. */
async function* rowsOf(pages: AsyncGenerator<LedgerPage>): AsyncGenerator<CsvCell[][]> {
  let open: AccountStatementDto | undefined;
  for await (const { accounts } of pages) {
    const rows: CsvCell[][] = [];
    for (const one of accounts) {
      if (one.account.id !== open?.account.id) {
        if (open) rows.push(balanceRow(open, 'closing'));
        rows.push(balanceRow(one, 'opening'));
      }
      open = one;
      const facts = factsOf(one);
      for (const entry of one.entries) rows.push([...facts, 'entry', ...entryRow(entry)]);
    }
    yield rows;
  }
  if (open) yield [balanceRow(open, 'closing')];
}

function factsOf({ account }: AccountStatementDto): CsvCell[] {
  const { id, clientId, name, type, group, currency } = account;
  return [id, clientId, name, type, group, currency];
}

function balanceRow(of: AccountStatementDto, end: 'opening' | 'closing'): CsvCell[] {
  const balance = new CsvNumber(of[end]);
  const cells = ENTRY_HEADER.map((name) => (name === 'balance' ? balance : null));
  return [...factsOf(of), end, ...cells];
}
