import type { FeatureService } from '../../engine/define/feature';
import { EventController } from './event.controller';
import { EventFeed } from './event.queries';

export const service: FeatureService = {
  controllers: [EventController],
  providers: [EventFeed],
  exports: [EventFeed],
};
