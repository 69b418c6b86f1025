import { Controller, Get, Param, Query, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { StateReader } from '../../engine/session/state-reader';
import { formatAmount } from '../../money/amount';
import { isCalendarDate } from '../../money/calendar-date';
import { ApiRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { csvAnswer, CsvNumber, wantsCsv, type CsvCell } from '../../http/csv';
import {
  checkForwards,
  checkOwner,
  cursorKey,
  encodeCursor,
  limitOf,
  listOf,
} from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { found, Reads, ReferencePipe } from '../../http/reads';
import { accountView, balanceOf } from '../accounts/account.view';
import { StatementDto, StatementQuery, type StatementEntryDto } from './statement.dto';
import { checkDays } from './report.rules';
import type { StatementPlace } from './statement.queries';
import { readStatementEntries, readStatementSums, type StatementPart } from './statement';

/** Entries that are read at a time for an answer that has all. */
const STREAMED_ENTRIES = 500;
const CSV_HEADER = [
  ...['effectiveDate', 'recordedAt', 'position', 'transactionId', 'clientId', 'description'],
  ...['direction', 'amount', 'balance', 'counterAccounts', 'metadata'],
];

@ApiTags('books')
@Controller('v1/accounts')
export class StatementController {
  constructor(
    private readonly reads: Reads,
    private readonly state: StateReader,
  ) {}

  @Get(':id/statement')
  @Permission('accounts.read')
  @ApiOperation({
    summary: 'The statement of an account, by effective date',
    description:
      'from and to are effective dates. With atPosition (or at, a time): as it was known after ' +
      'that event. A cursor keeps the position that its first page was read at. ' +
      'As CSV it has all entries.',
  })
  @ApiRead({ type: StatementDto, problems: ['not_found'], hasCsv: true })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() query: StatementQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<StatementDto | StreamableFile> {
    checkDays(query);
    checkForwards(query);
    if (wantsCsv(query.format, reply.request.headers.accept)) return this.csv(id, query, reply);
    const { from, to } = query;
    const key = cursorKey(query, 6) as PageKey;
    const at = query.cursor === undefined ? await this.reads.asOf(reply, query) : key[1];
    const after = query.cursor === undefined ? undefined : placeOf(key);
    const part = { reference: id, from, to, position: at, after, limit: limitOf(query) };
    const { position, value } = await this.reads.readAt(reply, at, async (db) => {
      const page = await readStatementEntries(db, part);
      if (!page) return undefined;
      checkOwner(query, key, page.account.account_no);
      return { ...page, sums: await readStatementSums(db, page.account, part) };
    });
    const { account, entries, next, sums } = found(value, 'account', id);
    const { opening, closing } = sums;
    const money = (minor: bigint) => formatAmount(minor, account.digits);
    return {
      account: accountView(account),
      position,
      from: from ?? null,
      to: to ?? null,
      opening: money(balanceOf(account.type, opening.debits, opening.credits)),
      closing: money(balanceOf(account.type, closing.debits, closing.credits)),
      totalDebits: money(closing.debits - opening.debits),
      totalCredits: money(closing.credits - opening.credits),
      entries: [...entries],
      nextCursor: next
        ? encodeCursor(listOf(reply), keyOf(account.account_no, position, next))
        : null,
    };
  }

  private async csv(id: string, query: StatementQuery, reply: Reply): Promise<StreamableFile> {
    for (const name of ['limit', 'cursor'] as const) {
      if (query[name] === undefined) continue;
      throw invalidRequest({
        pointer: `/${name}`,
        message: 'is not for CSV, which has all entries',
      });
    }
    const { from, to } = query;
    const at = await this.reads.asOf(reply, query);
    const part = { reference: id, from, to, position: at, limit: STREAMED_ENTRIES };
    const { position, value } = await this.reads.readAt(reply, at, (db) =>
      readStatementEntries(db, { ...part, after: undefined }),
    );
    const first = found(value, 'account', id);
    const pages = this.pagesBehind(first, { ...part, position });
    return csvAnswer(`statement-${first.account.account_id}`, CSV_HEADER, pages);
  }

  /**
   * All pages of a statement as rows of CSV. Each is a read of its own, of what was known at the
   * same position: so nothing is held while the reader takes its time.
   */
  private async *pagesBehind(
    first: { entries: readonly StatementEntryDto[]; next: StatementPlace | undefined },
    part: Omit<StatementPart, 'after'>,
  ): AsyncGenerator<CsvCell[][]> {
    let { entries, next } = first;
    for (;;) {
      yield entries.map(csvRow);
      if (!next) return;
      const after = next;
      const { value } = await this.state.read((db) => readStatementEntries(db, { ...part, after }));
      ({ entries, next } = value!);
    }
  }
}

/** What the column of ordinals can have. */
const MAX_ORDINAL = 2 ** 31 - 1;

/** Account number, position of the log, and the place of the last entry. */
type PageKey = [number, number, number, number, number, number];

/** A day as a number, which is what keys of cursors are made of. */
function keyOf(accountNo: number, position: number, place: StatementPlace): PageKey {
  const day = Number(place.date.replaceAll('-', ''));
  return [accountNo, position, day, place.position, place.ordinal, place.isLate ? 1 : 0];
}

/** @throws Refusal `validation_failed` for what no statement wrote */
function placeOf([, , day, position, ordinal, late]: PageKey): StatementPlace {
  const digits = String(day).padStart(8, '0');
  const date = `${digits.slice(0, -4)}-${digits.slice(-4, -2)}-${digits.slice(-2)}`;
  if (!isCalendarDate(date) || ordinal > MAX_ORDINAL || late > 1) {
    throw invalidRequest({ pointer: '/cursor', message: 'is no cursor of this list' });
  }
  return { date, position, ordinal, isLate: late === 1 };
}

function csvRow(entry: StatementEntryDto): CsvCell[] {
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
