import type { FeatureService } from '../../engine/define/feature';
import { EventController } from './event.controller';

export const service: FeatureService = { controllers: [EventController] };
