import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageOf, type Page, checkForwards } from '../../http/page';
import { Permission } from '../../http/permission';
import { CurrencyPipe, found, Reads } from '../../http/reads';
import { DefineCurrency } from './currency.creators';
import { CurrencyDto, CurrencyListQuery, CurrencyQuery, DefineCurrencyDto } from './currency.dto';
import { listCurrencies, readCurrency, type CurrencyPlace } from './currency.queries';

const CurrencyPage = pageDto(CurrencyDto);

@ApiTags('currencies')
@Controller('v1/currencies')
export class CurrencyController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('currencies.define')
  @ApiOperation({ summary: "Define a currency of the ledger's own" })
  @ApiCommand({ status: 201, type: CurrencyDto, problems: ['currency_exists'] })
  define(
    @AsCommand() request: CommandRequest,
    @Body() body: DefineCurrencyDto,
  ): Promise<CurrencyDto> {
    return this.commands.submit(request, DefineCurrency, body);
  }

  @Get()
  @Permission('currencies.read')
  @ApiOperation({
    summary: "List currencies: those of ISO 4217 by code, then the ledger's own as they came",
  })
  @ApiRead({ type: CurrencyPage })
  async list(
    @Query() query: CurrencyListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<CurrencyDto>> {
    checkForwards(query);
    const limit = limitOf(query);
    const after = cursorKey(query, 2) as [number, number] satisfies CurrencyPlace;
    const { value } = await this.reads.read(reply, (db) => listCurrencies(db, after, limit + 1));
    return pageOf(
      listOf(reply),
      value,
      limit,
      ({ place }) => place,
      ({ currency }) => currency,
    );
  }

  @Get(':code')
  @Permission('currencies.read')
  @ApiOperation({ summary: 'Read a currency' })
  @ApiRead({ type: CurrencyDto, problems: ['not_found'] })
  async read(
    @Param('code', CurrencyPipe) code: string,
    @Query() _: CurrencyQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<CurrencyDto> {
    const { value } = await this.reads.one(reply, (db) => readCurrency(db, code));
    return found(value, 'currency', code);
  }
}
