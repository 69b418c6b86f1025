import { defineFeature } from '../../engine/define/feature';
import { CancelOrder, PlaceOrder } from './order.creators';
import {
  CONFIRMATION_UPLOAD,
  materializeOrderCancelled,
  materializeOrderPlaced,
  materializeOrderSettled,
  materializeOrderSettlementReversed,
} from './order.materializers';
import { orders } from './order.table';
import { ReverseSettlement } from './reverse-settlement.creator';
import { SettleOrder } from './settle.creator';

export const orderFeature = defineFeature({
  name: 'orders',
  tables: [orders],
  materializers: [
    materializeOrderPlaced,
    materializeOrderSettled,
    materializeOrderSettlementReversed,
    materializeOrderCancelled,
  ],
  creators: [PlaceOrder, SettleOrder, ReverseSettlement, CancelOrder],
  tasks: [CONFIRMATION_UPLOAD],
  problems: {
    order_not_open: { status: 409, title: 'The order is in another state' },
    company_not_found: { status: 422, title: 'There is no such company' },
    currency_mismatch: { status: 422, title: 'The accounts have different currencies' },
    limit_exceeded: { status: 422, title: "The amount is above the order's limit" },
    limit_not_reached: { status: 422, title: "The amount is below the order's limit" },
    fee_exceeds_proceeds: { status: 422, title: 'The fee is more than the sale brought' },
  },
  service: () => import('./order.service.js'),
});
