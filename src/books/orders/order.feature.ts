import type { Feature } from '../../engine/define/registry';
import { CancelOrder, PlaceOrder } from './order.creators';
import {
  CONFIRMATION_UPLOAD,
  materializeOrderCancelled,
  materializeOrderPlaced,
  materializeOrderSettled,
} from './order.materializers';
import { orders } from './order.table';
import { SettleOrder } from './settle.creator';

export const orderFeature: Feature = {
  tables: [orders],
  materializers: [materializeOrderPlaced, materializeOrderSettled, materializeOrderCancelled],
  creators: [PlaceOrder, SettleOrder, CancelOrder],
  tasks: [CONFIRMATION_UPLOAD],
};
