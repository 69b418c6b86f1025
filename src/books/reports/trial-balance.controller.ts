import { Controller, Get, Query, Res, type StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { csvAnswer, CsvNumber, pagesOf } from '../../http/csv';
import { wantsCsv } from '../../http/formats';
import { Permission } from '../../http/permission';
import { Reads } from '../../http/reads';
import { checkDays } from './report.rules';
import { TrialBalanceDto, TrialBalanceQuery } from './trial-balance.dto';
import { readTrialBalance } from './trial-balance.queries';

const CSV_HEADER = [
  ...['currency', 'accountId', 'clientId', 'name', 'group', 'type', 'debit', 'credit'],
];

@ApiTags('books')
@Controller('v1/reports/trial-balance')
export class TrialBalanceController {
  constructor(private readonly reads: Reads) {}

  @Get()
  @Permission('reports.read')
  @ApiOperation({
    summary: 'The trial balance, by effective date and by position',
    description:
      'asOf is the last effective date that counts, atPosition the last event. With from: what ' +
      'was posted to both sides since that day. ' +
      'With group: the accounts of that one and all below it.',
  })
  @ApiRead({ type: TrialBalanceDto, formats: ['csv'] })
  async read(
    @Query() query: TrialBalanceQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<TrialBalanceDto | StreamableFile> {
    const { asOf, from, group } = query;
    checkDays({ from, to: asOf }, '/from');
    const at = await this.reads.asOf(reply, query);
    const { position, value } = await this.reads.readAt(
      reply,
      at,
      (db) => readTrialBalance(db, { asOf, from, group, position: at }),
      'expensive',
    );
    if (wantsCsv(query.format, reply.request.headers.accept)) {
      return csvAnswer('trial-balance', CSV_HEADER, pagesOf(csvRows(value)));
    }
    return { position, asOf: asOf ?? null, from: from ?? null, currencies: value };
  }
}

function* csvRows(currencies: TrialBalanceDto['currencies']) {
  for (const { currency, rows } of currencies) {
    for (const { accountId, clientId, name, group, type, debit, credit } of rows) {
      const sides = [new CsvNumber(debit), new CsvNumber(credit)];
      yield [currency, accountId, clientId, name, group, type, ...sides];
    }
  }
}
