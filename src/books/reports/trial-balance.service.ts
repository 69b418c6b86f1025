import type { FeatureService } from '../../engine/define/feature';
import { TrialBalanceController } from './trial-balance.controller';

export const service: FeatureService = {
  controllers: [TrialBalanceController],
};
