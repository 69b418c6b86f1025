import { ApiProperty } from '@nestjs/swagger';
import { Amount, ClientId, field, Instant, OneOf } from '../../http/fields';
import { Reference, Text, textRule } from '../../http/fields';
import { PageQuery } from '../../http/page';
import { ORDER_SIDES, type OrderSide } from './order.events';
import { normalQuantity, QUANTITY_DIGITS } from './order.rules';
import { ORDER_STATUSES, type OrderStatus } from './order.table';

/** Names of securities, pairs and contracts, such as `BRK.B`, `BTC/USD` or an ISIN. */
const SYMBOL = /^[\x21-\x7e]{1,32}$/;

function TradedSymbol(): PropertyDecorator {
  return field(
    [
      textRule(
        'symbol',
        (t) => SYMBOL.test(t),
        'must be 1 to 32 printable ASCII characters without spaces',
      ),
    ],
    { type: 'string', pattern: SYMBOL.source, example: 'ACME' },
  );
}

/** More than zero. */
const QUANTITY =
  `^(?=.*[1-9])(0|[1-9]\\d{0,${QUANTITY_DIGITS - 1}})` + `(\\.\\d{1,${QUANTITY_DIGITS}})?$`;

function Quantity(): PropertyDecorator {
  const size = `${QUANTITY_DIGITS} digits before the point and ${QUANTITY_DIGITS} behind it`;
  return field(
    [
      textRule(
        'quantity',
        (t) => normalQuantity(t) !== undefined,
        `must be a positive decimal string such as "10.5", of at most ${size}`,
      ),
    ],
    { type: 'string', pattern: QUANTITY, example: '10.5' },
  );
}

const MAX_REASON = 500;

export class PlaceOrderDto {
  @ClientId()
  clientId?: string;

  @Reference()
  companyId!: string;

  @OneOf(ORDER_SIDES)
  side!: OrderSide;

  @TradedSymbol()
  symbol!: string;

  @Quantity()
  quantity!: string;

  @Reference()
  cashAccountId!: string;

  @Reference()
  settlementAccountId!: string;

  @Amount({ optional: true })
  limitAmount?: string;
}

export class SettleOrderDto {
  @Amount()
  executedAmount!: string;

  @Amount({ optional: true })
  fee?: string;

  @Reference({ optional: true })
  feeAccountId?: string;

  @Instant()
  settledAt!: string;
}

/** Cancelling takes nothing; an empty object is accepted. */
export class CancelOrderDto {}

export class ReverseSettlementDto {
  @Text(1, MAX_REASON)
  reason!: string;
}

/** Reading one order takes no parameters. */
export class OrderQuery {}

export class OrderListQuery extends PageQuery {
  @Reference({ optional: true })
  companyId?: string;

  @OneOf(ORDER_STATUSES, { optional: true })
  status?: OrderStatus;

  @ClientId()
  clientId?: string;
}

const nullableText = { type: String, nullable: true } as const;
const settledAmount = { ...nullableText, example: '100.50' } as const;

/** An order as the API answers it. What comes about by settling is null until then. */
export class OrderDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty(nullableText)
  clientId!: string | null;

  @ApiProperty({ format: 'uuid' })
  companyId!: string;

  @ApiProperty({ enum: ORDER_SIDES })
  side!: OrderSide;

  @ApiProperty({ example: 'ACME' })
  symbol!: string;

  @ApiProperty({ example: '10.5', description: 'Without zeros at its end' })
  quantity!: string;

  @ApiProperty({ format: 'uuid' })
  cashAccountId!: string;

  @ApiProperty({ format: 'uuid' })
  settlementAccountId!: string;

  @ApiProperty({
    ...settledAmount,
    description: 'The most that a buy may cost, the least that a sale must bring, without fee',
  })
  limitAmount!: string | null;

  @ApiProperty({ example: 'USD' })
  currency!: string;

  @ApiProperty({ enum: ORDER_STATUSES })
  status!: OrderStatus;

  @ApiProperty(settledAmount)
  executedAmount!: string | null;

  @ApiProperty(settledAmount)
  fee!: string | null;

  @ApiProperty({ ...nullableText, format: 'uuid' })
  feeAccountId!: string | null;

  @ApiProperty({
    ...settledAmount,
    description: 'What the cash account paid for a buy, fee included, or was paid, less the fee',
  })
  cashAmount!: string | null;

  @ApiProperty({ ...nullableText, format: 'uuid', description: 'The transaction of the postings' })
  transactionId!: string | null;

  @ApiProperty({ ...nullableText, format: 'date-time' })
  settledAt!: string | null;

  @ApiProperty({ type: 'integer', description: 'Grows with every change of the order' })
  version!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the last event that changed it' })
  position!: number;
}
