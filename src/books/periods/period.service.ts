import type { FeatureService } from '../../engine/define/feature';
import { PeriodController } from './period.controller';

export const service: FeatureService = {
  controllers: [PeriodController],
};
