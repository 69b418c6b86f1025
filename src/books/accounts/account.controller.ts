import { Body, Controller, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import {
  checkOwner,
  cursorKey,
  limitOf,
  listOf,
  pageOf,
  pageWith,
  type Page,
  orderOf,
} from '../../http/page';
import { metadataOf } from '../../http/metadata-filter';
import { Permission } from '../../http/permission';
import { filteredBy, found, Reads, ReferencePipe } from '../../http/reads';
import { showVersion, type FindVersioned } from '../../http/versions';
import { ChangeAccount, FreezeAccount } from './account-change.creators';
import { ReopenAccount, UnfreezeAccount } from './account-change.creators';
import { CloseAccount, OpenAccount } from './account.creators';
import { AccountDto, AccountListQuery, AccountQuery, AccountReasonDto } from './account.dto';
import { ChangeAccountDto, CloseAccountDto, FreezeAccountDto } from './account.dto';
import { EntryDto, EntryListQuery, OpenAccountDto } from './account.dto';
import {
  findAccount,
  listAccounts,
  listEntries,
  lookupAccount,
  readAccount,
} from './account.queries';
import { accountView } from './account.view';
import { readTotalsOn } from './dated-totals.queries';

/** What an `If-Match` is compared with. */
const accountOf: FindVersioned<{ accountId: string }> = (state, { accountId }) =>
  findAccount(state, accountId);

const AccountPage = pageDto(AccountDto);
const EntryPage = pageDto(EntryDto);

@ApiTags('accounts')
@Controller('v1/accounts')
export class AccountController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('accounts.open')
  @ApiOperation({ summary: 'Open an account' })
  @ApiCommand({ status: 201, type: AccountDto, problems: ['client_id_taken'] })
  open(@AsCommand() request: CommandRequest, @Body() body: OpenAccountDto): Promise<AccountDto> {
    return this.commands.submit(request, OpenAccount, body);
  }

  @Patch(':id')
  @Permission('accounts.change')
  @ApiOperation({ summary: "Change an account's name, limits and metadata" })
  @ApiCommand({
    status: 200,
    type: AccountDto,
    hasVersion: true,
    problems: ['not_found', 'limit_not_met'],
  })
  change(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) accountId: string,
    @Body() body: ChangeAccountDto,
  ): Promise<AccountDto> {
    return this.commands.submit(request, ChangeAccount, { ...body, accountId }, accountOf);
  }

  @Post(':id/freeze')
  @Permission('accounts.freeze')
  @ApiOperation({ summary: 'Have nothing posted to a side of an account, or to neither' })
  @ApiCommand({ status: 200, type: AccountDto, hasVersion: true, problems: ['not_found'] })
  freeze(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) accountId: string,
    @Body() body: FreezeAccountDto,
  ): Promise<AccountDto> {
    return this.commands.submit(request, FreezeAccount, { ...body, accountId }, accountOf);
  }

  @Post(':id/unfreeze')
  @Permission('accounts.unfreeze')
  @ApiOperation({ summary: 'Have everything posted to an account again' })
  @ApiCommand({
    status: 200,
    type: AccountDto,
    hasVersion: true,
    problems: ['not_found', 'account_not_frozen'],
  })
  unfreeze(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) accountId: string,
    @Body() body: AccountReasonDto,
  ): Promise<AccountDto> {
    return this.commands.submit(request, UnfreezeAccount, { ...body, accountId }, accountOf);
  }

  @Post(':id/reopen')
  @Permission('accounts.reopen')
  @ApiOperation({ summary: 'Open an account again that was closed' })
  @ApiCommand({
    status: 200,
    type: AccountDto,
    hasVersion: true,
    problems: ['not_found', 'account_not_closed'],
  })
  reopen(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) accountId: string,
    @Body() body: AccountReasonDto,
  ): Promise<AccountDto> {
    return this.commands.submit(request, ReopenAccount, { ...body, accountId }, accountOf);
  }

  @Post(':id/close')
  @Permission('accounts.close')
  @ApiOperation({ summary: 'Close an account whose balance is zero' })
  @ApiCommand({
    status: 200,
    type: AccountDto,
    hasVersion: true,
    problems: ['not_found', 'account_not_empty', 'account_already_closed'],
  })
  close(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) accountId: string,
    @Body() _: CloseAccountDto,
  ): Promise<AccountDto> {
    return this.commands.submit(request, CloseAccount, { accountId }, accountOf);
  }

  @Get()
  @Permission('accounts.read')
  @ApiOperation({
    summary: 'List accounts in the order in which they were opened',
    description: 'With atPosition or at: those that were open then, as they were after that event.',
  })
  @ApiRead({ type: AccountPage })
  async list(
    @Query() query: AccountListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<AccountDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const at = await this.reads.asOf(reply, query);
    const { type, currency, status, group, clientId, q } = query;
    const metadata = metadataOf(query);
    const filter = { type, currency, status, group, clientId, q, metadata };
    const order = orderOf(query);
    const list = (db: Kysely<StateDatabase>) => listAccounts(db, filter, after, limit, at, order);
    const { value } =
      q === undefined && metadata === undefined
        ? await this.reads.oneAt(reply, at, list, filteredBy(type, currency, status, group))
        : await this.reads.readAt(reply, at, list, 'expensive');
    return pageWith(listOf(reply), value, (row) => [row.account_no], accountView);
  }

  @Get(':id')
  @Permission('accounts.read')
  @ApiOperation({
    summary: 'Read an account, as it is or as it was after an event',
    description: 'With asOf balance, debits and credits count what takes effect until that day.',
  })
  @ApiRead({ type: AccountDto, hasVersion: true, problems: ['not_found'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() query: AccountQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<AccountDto> {
    const at = await this.reads.asOf(reply, query);
    const { asOf } = query;
    if (asOf === undefined) {
      const account = await this.asOfPosition(reply, id, at);
      const view = accountView(found(account, 'account', id));
      showVersion(reply, view);
      return view;
    }
    const { value } = await this.reads.readAt(reply, at, async (db) => {
      const account = await readAccount(db, id, at);
      if (!account) return undefined;
      const { account_no: accountNo } = account;
      const [dated] = await readTotalsOn(db, { accountNo, dates: [asOf], position: at });
      return { account, dated: dated! };
    });
    const { account, dated } = found(value, 'account', id);
    const view = accountView({ ...account, debits: dated.debits, credits: dated.credits });
    showVersion(reply, view);
    return view;
  }

  private async asOfPosition(reply: Reply, id: string, at: number | undefined) {
    if (at !== undefined) {
      const { value } = await this.reads.oneAt(reply, at, (db) => readAccount(db, id, at));
      return value;
    }
    return this.reads.row(reply, lookupAccount(id));
  }

  @Get(':id/entries')
  @Permission('accounts.read')
  @ApiOperation({
    summary: 'List what was posted to an account, newest last',
    description:
      'In the order of recording, as balanceAfter is; the statement is in the order of effective ' +
      'dates. from and to are effective dates, atPosition (or at, a time) is the last event that ' +
      'counts.',
  })
  @ApiRead({ type: EntryPage, problems: ['not_found'] })
  async entries(
    @Param('id', ReferencePipe) id: string,
    @Query() query: EntryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<EntryDto>> {
    const limit = limitOf(query);
    const key = cursorKey(query, 3) as [number, number, number];
    const [, position, ordinal] = key;
    // Ordinals begin with 0, so the first page begins before that.
    const order = orderOf(query);
    const isFirst = query.cursor === undefined && order === 'asc';
    const after = isFirst ? { position: 0, ordinal: -1 } : { position, ordinal };
    const at = await this.reads.asOf(reply, query);
    const filter = { from: query.from, to: query.to, position: at };
    const list = async (db: Kysely<StateDatabase>) => {
      const account = await readAccount(db, id, at);
      if (!account) return undefined;
      const { account_no: owner } = account;
      checkOwner(query, key, owner);
      return { owner, rows: await listEntries(db, account, filter, after, limit + 1, order) };
    };
    const cost = filteredBy(query.from, query.to);
    const { value } = await this.reads.readAt(reply, at, list, cost);
    const { owner, rows } = found(value, 'account', id);
    return pageOf(
      listOf(reply),
      rows,
      limit,
      (row) => [owner, row.position, row.ordinal],
      ({ ordinal: _ordinal, ...entry }) => entry,
    );
  }
}
