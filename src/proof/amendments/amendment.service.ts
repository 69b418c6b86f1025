import type { FeatureService } from '../../engine/define/feature';
import { AmendmentController } from './amendment.controller';
import { Amendments } from './amendments';

export const service: FeatureService = {
  controllers: [AmendmentController],
  providers: [Amendments],
};
