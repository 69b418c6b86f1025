import assert from 'node:assert';
import { defineMaterializer } from '../../../src/engine/define/materializer';
import { ReminderRung, ReminderSet } from './reminder.events';
import { reminders } from './reminder.table';

export const REMINDER_MAIL = 'reminder.mail';

/** What the mail says. */
export interface ReminderMail {
  text: string;
}

export const materializeReminderSet = defineMaterializer(
  ReminderSet,
  1,
  ({ position, data }, { state }) => {
    state.table(reminders).insert({
      reminder_id: data.reminderId,
      text: data.text,
      due_at: data.dueAt,
      status: 'set',
      last_position: position,
    });
  },
);

export const materializeReminderRung = defineMaterializer(
  ReminderRung,
  1,
  async ({ position, data }, { state, tasks }) => {
    const reminder = await state.table(reminders).get(data.reminderId);
    assert(reminder, `No reminder ${data.reminderId}`);
    state.table(reminders).update({ ...reminder, status: 'rung', last_position: position });
    const mail: ReminderMail = { text: reminder.text };
    tasks.enqueue(REMINDER_MAIL, mail);
  },
);
