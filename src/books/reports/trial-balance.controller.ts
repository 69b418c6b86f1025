import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { Permission } from '../../http/permission';
import { Reads } from '../../http/reads';
import { TrialBalanceDto, TrialBalanceQuery } from './trial-balance.dto';
import { readTrialBalance } from './trial-balance.queries';

@ApiTags('books')
@Controller('v1/reports/trial-balance')
export class TrialBalanceController {
  constructor(private readonly reads: Reads) {}

  @Get()
  @Permission('reports.read')
  @ApiOperation({ summary: 'The trial balance, by effective date and by position' })
  @ApiRead({ type: TrialBalanceDto })
  async read(
    @Query() query: TrialBalanceQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<TrialBalanceDto> {
    const { asOf } = query;
    const at = await this.reads.asOf(reply, query);
    const { position, value } = await this.reads.readAt(
      reply,
      at,
      (db) => readTrialBalance(db, asOf, at),
      'expensive',
    );
    return { position, asOf: asOf ?? null, currencies: value };
  }
}
