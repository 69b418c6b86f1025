import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { RefusalDetails } from '../../engine/define/refusal';
import type { StateDatabase } from '../../engine/define/state-table';
import type { Order, PageRows } from '../../engine/session/page-rows';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageWith, type Page, orderOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { invalidRequest } from '../../http/problem';
import { Problems } from '../../http/problems';
import { readCurrency } from '../currencies/currency.queries';
import { metadataOf } from '../../http/metadata-filter';
import { found, Reads, ReferencePipe } from '../../http/reads';
import { searchTransactions, type TransactionSearch } from './transaction-search.queries';
import { PostTransactionBatch, type BatchResult } from './batch.creator';
import { PostTransaction, ReverseTransaction } from './transaction.creators';
import { BatchResultsDto, PostTransactionBatchDto, PostTransactionDto } from './transaction.dto';
import { ReverseTransactionDto, TransactionDto, TransactionListQuery } from './transaction.dto';
import { TransactionQuery, type BatchResultDto } from './transaction.dto';
import { listTransactions, readTransaction } from './transaction.queries';

const TransactionPage = pageDto(TransactionDto);
const POSTING_PROBLEMS: readonly string[] = [
  'client_id_taken',
  'future_effective_date',
  'period_closed',
  'unbalanced_transaction',
  'account_not_found',
  'account_version_mismatch',
  'account_closed',
  'account_frozen',
  'insufficient_funds',
  'balance_limit_exceeded',
  'velocity_limit_exceeded',
  'zero_amount',
];

@ApiTags('transactions')
@Controller('v1/transactions')
export class TransactionController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
    private readonly problems: Problems,
  ) {}

  @Post()
  @Permission('transactions.post')
  @ApiOperation({ summary: 'Post a balanced transaction' })
  @ApiCommand({ status: 201, type: TransactionDto, problems: POSTING_PROBLEMS })
  post(
    @AsCommand() request: CommandRequest,
    @Body() body: PostTransactionDto,
  ): Promise<TransactionDto> {
    return this.commands.submit(request, PostTransaction, body);
  }

  @Post('batch')
  @Permission('transactions.post')
  @ApiOperation({ summary: 'Post many transactions, all or none or each for itself' })
  @ApiCommand({ status: 200, type: BatchResultsDto, problems: POSTING_PROBLEMS })
  async postBatch(
    @AsCommand() request: CommandRequest,
    @Body() body: PostTransactionBatchDto,
  ): Promise<BatchResultsDto> {
    const results = await this.commands.submit(request, PostTransactionBatch, body);
    return { results: results.map((result, i) => this.resultOf(result, i, request.path)) };
  }

  @Post(':id/reverse')
  @Permission('transactions.reverse')
  @ApiOperation({ summary: 'Post the opposite of a transaction, once' })
  @ApiCommand({
    status: 201,
    type: TransactionDto,
    problems: [
      'not_found',
      'has_source',
      'already_reversed',
      'reversal_before_original',
      ...POSTING_PROBLEMS,
    ],
  })
  reverse(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) transactionId: string,
    @Body() body: ReverseTransactionDto,
  ): Promise<TransactionDto> {
    return this.commands.submit(request, ReverseTransaction, { ...body, transactionId });
  }

  @Get()
  @Permission('transactions.read')
  @ApiOperation({
    summary: 'List transactions in the order of the log',
    description:
      'from and to are effective dates, atPosition (or at, a time) is the last event that counts.',
  })
  @ApiRead({ type: TransactionPage })
  async list(
    @Query() query: TransactionListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<TransactionDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const order = orderOf(query);
    const { accountId, clientId } = query;
    const position = await this.reads.asOf(reply, query);
    const search = await this.searchOf(reply, query);
    const plain = { accountId, clientId, position };
    const { value } = search
      ? await this.reads.readAt(
          reply,
          position,
          (db) => searchKnown(db, { ...plain, ...search }, after, limit, order),
          'expensive',
        )
      : await this.reads.oneAt(reply, position, (db) =>
          listTransactions(db, plain, after, limit, order),
        );
    if (!value) throw invalidRequest({ pointer: '/currency', message: 'is no currency' });
    return pageWith(
      listOf(reply),
      value,
      (row) => [row.position],
      (row) => row,
    );
  }

  @Get(':id')
  @Permission('transactions.read')
  @ApiOperation({ summary: 'Read a transaction, as it is or as it was after an event' })
  @ApiRead({ type: TransactionDto, problems: ['not_found'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() query: TransactionQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<TransactionDto> {
    const at = await this.reads.asOf(reply, query);
    const { value } = await this.reads.oneAt(reply, at, (db) => readTransaction(db, id, at));
    return found(value, 'transaction', id);
  }

  /** What is asked besides what a list has an index for; undefined where nothing is. */
  private async searchOf(
    reply: Reply,
    query: TransactionListQuery,
  ): Promise<TransactionSearch | undefined> {
    const { from, to, group, q, amountFrom, amountTo, currency, actor } = query;
    const filters = { from, to, group, q, amountFrom, amountTo, currency, actor };
    const { recordedFrom, recordedTo } = query;
    const metadata = metadataOf(query);
    const all = [...Object.values(filters), recordedFrom, recordedTo, metadata];
    if (all.every((filter) => filter === undefined)) return undefined;
    return { ...filters, metadata, ...(await this.reads.recorded(reply, query)) };
  }

  /** One transaction's part of the answer; pointers of its problem point into the whole body. */
  private resultOf(result: BatchResult, index: number, path: string): BatchResultDto {
    const hit = result.isHit ? { idempotencyHit: true } : {};
    if ('transaction' in result) return { status: 201, transaction: result.transaction, ...hit };
    const { code, detail, details } = result.refusal;
    const problem = this.problems.of({ code, detail, details: inBatch(details, index) }, path);
    return { status: problem.status, problem: { ...problem } as never, ...hit };
  }
}

/** What is found; undefined where the currency that is asked for is none. */
async function searchKnown(
  db: Kysely<StateDatabase>,
  search: TransactionSearch,
  ...page: readonly [after: number, limit: number, order: Order]
): Promise<PageRows<TransactionDto> | undefined> {
  const { currency } = search;
  if (currency !== undefined && !(await readCurrency(db, currency))) return undefined;
  return searchTransactions(db, search, ...page);
}

function inBatch(details: RefusalDetails, index: number): RefusalDetails {
  if (!details.errors) return { ...details, index };
  const errors = details.errors.map(({ pointer, message }) => ({
    pointer: `/transactions/${index}${pointer}`,
    message,
  }));
  return { ...details, index, errors };
}
