import type { FeatureService } from '../../engine/define/feature';
import { OrderController } from './order.controller';
import { ConfirmationUploads } from './order.tasks';

export const service: FeatureService = {
  controllers: [OrderController],
  taskHandlers: [ConfirmationUploads],
};
