import { defineFeature } from '../../../src/engine/define/feature';
import { RingReminders, SetReminder } from './reminder.creators';
import {
  materializeReminderRung,
  materializeReminderSet,
  REMINDER_MAIL,
} from './reminder.materializers';
import { reminders } from './reminder.table';

/** A feature of everything that a feature can have, which no other file knows but its spec. */
export const reminderFeature = defineFeature({
  name: 'reminders',
  tables: [reminders],
  materializers: [materializeReminderSet, materializeReminderRung],
  creators: [SetReminder, RingReminders],
  tasks: [REMINDER_MAIL],
  problems: {
    reminder_in_the_past: { status: 422, title: 'The reminder would be due already' },
  },
  service: () => import('./reminder.service.js'),
});
