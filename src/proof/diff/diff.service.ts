import type { FeatureService } from '../../engine/define/feature';
import { DiffController } from './diff.controller';

export const service: FeatureService = {
  controllers: [DiffController],
};
