import type { FeatureService } from '../../../src/engine/define/feature';
import { ReminderController } from './reminder.controller';
import { ReminderMeasurement } from './reminder.measurements';
import { ReminderSchedule } from './reminder.schedule';
import { ReminderMails } from './reminder.tasks';

export const service: FeatureService = {
  controllers: [ReminderController],
  taskHandlers: [ReminderMails],
  schedules: [ReminderSchedule],
  measurements: [ReminderMeasurement],
};
