import type { FeatureService } from '../../engine/define/feature';
import { AccountController } from './account.controller';

export const service: FeatureService = {
  controllers: [AccountController],
};
