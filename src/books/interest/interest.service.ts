import type { FeatureService } from '../../engine/define/feature';
import { InterestController } from './interest.controller';

export const service: FeatureService = {
  controllers: [InterestController],
};
