import { Controller, Get, Query, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { csvAnswer, CsvNumber, pagesOf, type CsvCell } from '../../http/csv';
import { wantsCsv } from '../../http/formats';
import { Permission } from '../../http/permission';
import { Reads } from '../../http/reads';
import { readBalanceSheet } from './balance-sheet';
import {
  BalanceSheetDto,
  BalanceSheetQuery,
  IncomeStatementDto,
  IncomeStatementQuery,
  type ReportSectionDto,
} from './financial-report.dto';
import { readIncomeStatement } from './income-statement';
import { checkDays } from './report.rules';

const CSV_HEADER = ['currency', 'section', 'group', 'accountId', 'clientId', 'name', 'balance'];

@ApiTags('books')
@Controller('v1/reports')
export class FinancialReportController {
  constructor(private readonly reads: Reads) {}

  @Get('balance-sheet')
  @Permission('reports.read')
  @ApiOperation({
    summary: 'The balance sheet: assets, liabilities, equity and the result',
    description:
      'asOf and compareTo are the last effective dates that count, atPosition (or at, a time) ' +
      'the last event. Groups are those of the position. Assets are liabilities, equity and ' +
      'result together, or ' +
      'there is no report.',
  })
  @ApiRead({ type: BalanceSheetDto, formats: ['csv'] })
  async balanceSheet(
    @Query() query: BalanceSheetQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<BalanceSheetDto | StreamableFile> {
    const { asOf, compareTo } = query;
    const at = await this.reads.asOf(reply, query);
    const { position, value } = await this.reads.readAt(
      reply,
      at,
      (db) => readBalanceSheet(db, { asOf, compareTo, position: at }),
      'expensive',
    );
    if (!wantsCsv(query.format, reply.request.headers.accept)) {
      return { position, asOf: asOf ?? null, compareTo: compareTo ?? null, currencies: value };
    }
    const header = compareTo === undefined ? CSV_HEADER : [...CSV_HEADER, 'compare'];
    return csvAnswer('balance-sheet', header, pagesOf(sheetRows(value)));
  }

  @Get('income-statement')
  @Permission('reports.read')
  @ApiOperation({
    summary: 'The income statement: what was earned and spent on some days',
    description:
      'from and to are effective dates, atPosition (or at, a time) is the last event that ' +
      'counts. What closes of periods carried to equity is left out.',
  })
  @ApiRead({ type: IncomeStatementDto, formats: ['csv'] })
  async incomeStatement(
    @Query() query: IncomeStatementQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<IncomeStatementDto | StreamableFile> {
    checkDays(query);
    const { from, to } = query;
    const at = await this.reads.asOf(reply, query);
    const { position, value } = await this.reads.readAt(
      reply,
      at,
      (db) => readIncomeStatement(db, { from, to, position: at }),
      'expensive',
    );
    if (!wantsCsv(query.format, reply.request.headers.accept)) {
      return { position, from: from ?? null, to: to ?? null, currencies: value };
    }
    return csvAnswer('income-statement', CSV_HEADER, pagesOf(incomeRows(value)));
  }
}

function* sheetRows(currencies: BalanceSheetDto['currencies']): Generator<CsvCell[]> {
  for (const { currency, assets, liabilities, equity, result, compare } of currencies) {
    yield* sectionRows(currency, 'assets', assets);
    yield* sectionRows(currency, 'liabilities', liabilities);
    yield* sectionRows(currency, 'equity', equity);
    yield resultRow(currency, result, compare?.result);
  }
}

function* incomeRows(currencies: IncomeStatementDto['currencies']): Generator<CsvCell[]> {
  for (const { currency, income, expense, result } of currencies) {
    yield* sectionRows(currency, 'income', income);
    yield* sectionRows(currency, 'expense', expense);
    yield resultRow(currency, result, undefined);
  }
}

/** A row for each account; sums are for who reads them to make. */
function* sectionRows(
  currency: string,
  section: string,
  { groups }: ReportSectionDto,
): Generator<CsvCell[]> {
  for (const { group, accounts } of groups) {
    for (const { accountId, clientId, name, balance, compare } of accounts) {
      yield [currency, section, group, accountId, clientId, name, ...amounts(balance, compare)];
    }
  }
}

function resultRow(currency: string, result: string, compare: string | undefined): CsvCell[] {
  return [currency, 'result', null, null, null, null, ...amounts(result, compare)];
}

function amounts(balance: string, compare: string | undefined): CsvCell[] {
  return [balance, ...(compare === undefined ? [] : [compare])].map((text) => new CsvNumber(text));
}
