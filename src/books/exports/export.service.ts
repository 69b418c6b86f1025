import type { FeatureService } from '../../engine/define/feature';
import { ExportController } from './export.controller';

export const service: FeatureService = { controllers: [ExportController] };
