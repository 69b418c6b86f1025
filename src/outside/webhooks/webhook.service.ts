import type { FeatureService } from '../../engine/define/feature';
import { WebhookController } from './webhook.controller';
import { WebhookIntake } from './webhook.intake';
import { EventDeliveries } from './webhook.tasks';

export const service: FeatureService = {
  controllers: [WebhookController],
  providers: [WebhookIntake],
  taskHandlers: [EventDeliveries],
};
