import type { FeatureService } from '../../engine/define/feature';
import { HoldController } from './hold.controller';
import { HoldExpiry } from './hold.schedule';

export const service: FeatureService = {
  controllers: [HoldController],
  schedules: [HoldExpiry],
};
