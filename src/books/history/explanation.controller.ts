import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiRead } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { Permission } from '../../http/permission';
import { found, Reads } from '../../http/reads';
import { BalanceExplanationDto, BalanceExplanationQuery } from './explanation.dto';
import { explainBalance } from './explanation.queries';

@ApiTags('books')
@Controller('v1/explain/balance')
export class ExplanationController {
  constructor(private readonly reads: Reads) {}

  @Get()
  @Permission('reports.read')
  @ApiOperation({
    summary: 'What a balance rests on, and what would change it',
    description:
      'asOf is an effective date, atPosition (or at, a time) the last event that counts.',
  })
  @ApiRead({ type: BalanceExplanationDto, problems: ['not_found'] })
  async balance(
    @Query() query: BalanceExplanationQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<BalanceExplanationDto> {
    const { accountId, asOf } = query;
    const at = await this.reads.asOf(reply, query);
    const explain = { asOf, position: at };
    const { position, value } = await this.reads.readAt(
      reply,
      at,
      (db) => explainBalance(db, accountId, explain),
      'expensive',
    );
    return { ...found(value, 'account', accountId), asOf: asOf ?? null, position };
  }
}
