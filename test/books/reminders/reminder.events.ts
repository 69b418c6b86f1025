import { defineEvent } from '../../../src/engine/define/event';
import type { Instant, Uuid } from '../../../src/engine/define/event-fields';

export interface ReminderSetData {
  reminderId: Uuid;
  text: string;
  dueAt: Instant;
}

export const ReminderSet = defineEvent<ReminderSetData>('ReminderSet');

export interface ReminderRungData {
  reminderId: Uuid;
}

export const ReminderRung = defineEvent<ReminderRungData>('ReminderRung');
