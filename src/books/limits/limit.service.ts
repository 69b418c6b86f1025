import type { FeatureService } from '../../engine/define/feature';
import { LimitController } from './limit.controller';

export const service: FeatureService = { controllers: [LimitController] };
