import { Body, Controller, Get, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageOf, type Page, orderOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { found, Reads, ReferencePipe } from '../../http/reads';
import { showVersion } from '../../http/versions';
import { ChangeCompanyAddress, CreateCompany } from './company.creators';
import { AddressDto, CompanyDto, CompanyListQuery } from './company.dto';
import { CompanyQuery, CreateCompanyDto } from './company.dto';
import { findCompany, listCompanies, readCompany } from './company.queries';
import { companyView } from './company.view';

const CompanyPage = pageDto(CompanyDto);

@ApiTags('companies')
@Controller('v1/companies')
export class CompanyController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('companies.create')
  @ApiOperation({ summary: 'Create a company' })
  @ApiCommand({ status: 201, type: CompanyDto, problems: ['client_id_taken'] })
  create(
    @AsCommand() request: CommandRequest,
    @Body() body: CreateCompanyDto,
  ): Promise<CompanyDto> {
    return this.commands.submit(request, CreateCompany, body);
  }

  @Put(':id/address')
  @Permission('companies.change')
  @ApiOperation({
    summary: 'Change the address of a company',
    description:
      'Its contact gets one mail. White space around a line, and absent, null or blank optional ' +
      'lines make no difference; an address that is the old one changes nothing and sends nothing.',
  })
  @ApiCommand({ status: 200, type: CompanyDto, hasVersion: true, problems: ['not_found'] })
  changeAddress(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) companyId: string,
    @Body() address: AddressDto,
  ): Promise<CompanyDto> {
    return this.commands.submit(request, ChangeCompanyAddress, { companyId, address }, (state) =>
      findCompany(state, companyId),
    );
  }

  @Get()
  @Permission('companies.read')
  @ApiOperation({ summary: 'List companies in the order in which they were created' })
  @ApiRead({ type: CompanyPage })
  async list(
    @Query() query: CompanyListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<CompanyDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const { value } = await this.reads.one(reply, (db) =>
      listCompanies(db, query, after, limit + 1, orderOf(query)),
    );
    return pageOf(listOf(reply), value, limit, (row) => [row.company_no], companyView);
  }

  @Get(':id')
  @Permission('companies.read')
  @ApiOperation({ summary: 'Read a company' })
  @ApiRead({ type: CompanyDto, hasVersion: true, problems: ['not_found'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() _: CompanyQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<CompanyDto> {
    const { value } = await this.reads.one(reply, (db) => readCompany(db, id));
    const view = companyView(found(value, 'company', id));
    showVersion(reply, view);
    return view;
  }
}
