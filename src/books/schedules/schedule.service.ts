import type { FeatureService } from '../../engine/define/feature';
import { ScheduleController } from './schedule.controller';
import { ScheduledPosting } from './schedule.schedule';

export const service: FeatureService = {
  controllers: [ScheduleController],
  schedules: [ScheduledPosting],
};
