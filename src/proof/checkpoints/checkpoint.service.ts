import type { FeatureService } from '../../engine/define/feature';
import { CheckpointSchedule } from './checkpoint.schedule';

export const service: FeatureService = {
  schedules: [CheckpointSchedule],
};
