import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { readCompany } from '../companies/company.queries';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import { cursorKey, limitOf, listOf, pageOf, type Page, orderOf } from '../../http/page';
import { Permission } from '../../http/permission';
import { filteredBy, found, Reads, ReferencePipe } from '../../http/reads';
import { showVersion } from '../../http/versions';
import { CancelOrder, PlaceOrder } from './order.creators';
import { CancelOrderDto, OrderDto, OrderListQuery, OrderQuery } from './order.dto';
import { PlaceOrderDto, ReverseSettlementDto, SettleOrderDto } from './order.dto';
import { findOrder, listOrders, readOrder } from './order.queries';
import { orderView } from './order.view';
import { ReverseSettlement } from './reverse-settlement.creator';
import { SettleOrder } from './settle.creator';

const OrderPage = pageDto(OrderDto);

@ApiTags('orders')
@Controller('v1/orders')
export class OrderController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
  ) {}

  @Post()
  @Permission('orders.place')
  @ApiOperation({ summary: 'Place an order' })
  @ApiCommand({
    status: 201,
    type: OrderDto,
    problems: [
      'client_id_taken',
      'company_not_found',
      'account_not_found',
      'account_closed',
      'currency_mismatch',
    ],
  })
  place(@AsCommand() request: CommandRequest, @Body() body: PlaceOrderDto): Promise<OrderDto> {
    return this.commands.submit(request, PlaceOrder, body);
  }

  @Post(':id/settle')
  @Permission('orders.settle')
  @ApiOperation({
    summary: 'Settle an order: its postings, its state and its confirmation in one step',
    description:
      "The cash account's balance falls by amount and fee on a buy, and rises by the amount less " +
      'the fee on a sale, whatever its type; the settlement and fee accounts balance that.',
  })
  @ApiCommand({
    status: 200,
    type: OrderDto,
    hasVersion: true,
    problems: [
      'not_found',
      'order_not_open',
      'account_not_found',
      'account_closed',
      'currency_mismatch',
      'future_effective_date',
      'period_closed',
      'limit_exceeded',
      'limit_not_reached',
      'fee_exceeds_proceeds',
      'zero_amount',
      'account_frozen',
      'insufficient_funds',
      'balance_limit_exceeded',
      'velocity_limit_exceeded',
    ],
  })
  settle(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) orderId: string,
    @Body() body: SettleOrderDto,
  ): Promise<OrderDto> {
    return this.commands.submit(request, SettleOrder, { ...body, orderId }, (state) =>
      findOrder(state, orderId),
    );
  }

  @Post(':id/reverse-settlement')
  @Permission('orders.reverse-settlement')
  @ApiOperation({ summary: 'Take a settlement back with its postings: the order is open again' })
  @ApiCommand({
    status: 200,
    type: OrderDto,
    hasVersion: true,
    problems: [
      'not_found',
      'order_not_open',
      'period_closed',
      'reversal_before_original',
      'account_closed',
      'account_frozen',
      'insufficient_funds',
      'balance_limit_exceeded',
      'velocity_limit_exceeded',
    ],
  })
  reverseSettlement(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) orderId: string,
    @Body() body: ReverseSettlementDto,
  ): Promise<OrderDto> {
    return this.commands.submit(request, ReverseSettlement, { ...body, orderId }, (state) =>
      findOrder(state, orderId),
    );
  }

  @Post(':id/cancel')
  @Permission('orders.cancel')
  @ApiOperation({ summary: 'Cancel an order that has not settled' })
  @ApiCommand({
    status: 200,
    type: OrderDto,
    hasVersion: true,
    problems: ['not_found', 'order_not_open'],
  })
  cancel(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) orderId: string,
    @Body() _: CancelOrderDto,
  ): Promise<OrderDto> {
    return this.commands.submit(request, CancelOrder, { orderId }, (state) =>
      findOrder(state, orderId),
    );
  }

  @Get()
  @Permission('orders.read')
  @ApiOperation({ summary: 'List orders in the order in which they were placed' })
  @ApiRead({ type: OrderPage })
  async list(
    @Query() query: OrderListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<OrderDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const { companyId, status, clientId } = query;
    const list = async (db: Kysely<StateDatabase>) => {
      if (companyId === undefined)
        return listOrders(db, { status, clientId }, after, limit + 1, orderOf(query));
      const company = await readCompany(db, companyId);
      // A filter that nothing fits, like any other.
      if (!company) return [];
      const filter = { companyId: company.company_id, status, clientId };
      return listOrders(db, filter, after, limit + 1, orderOf(query));
    };
    const { value } = await this.reads.read(reply, list, filteredBy(status));
    return pageOf(listOf(reply), value, limit, (row) => [row.order_no], orderView);
  }

  @Get(':id')
  @Permission('orders.read')
  @ApiOperation({ summary: 'Read an order' })
  @ApiRead({ type: OrderDto, hasVersion: true, problems: ['not_found'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() _: OrderQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<OrderDto> {
    const { value } = await this.reads.one(reply, (db) => readOrder(db, id));
    const view = orderView(found(value, 'order', id));
    showVersion(reply, view);
    return view;
  }
}
