import { defineCreator } from '../../../src/engine/define/creator';
import { Refusal } from '../../../src/engine/define/refusal';
import { ReminderRung, ReminderSet } from './reminder.events';
import { readDue } from './reminder.queries';

export interface SetReminderInput {
  text: string;
  dueAt: string;
}

/** Refuses `reminder_in_the_past`. */
export const SetReminder = defineCreator<SetReminderInput, { id: string }>({
  name: 'SetReminder',
  run: async (context, { text, dueAt }) => {
    if (Date.parse(dueAt) <= Date.parse(context.now)) {
      throw new Refusal('reminder_in_the_past', `It would have been due at ${dueAt}`);
    }
    const reminderId = context.newId();
    await context.append(ReminderSet, { reminderId, text, dueAt });
    return { id: reminderId };
  },
});

/** Has everybody told of what is due. */
export const RingReminders = defineCreator<object, { rung: number }>({
  name: 'RingReminders',
  run: async (context) => {
    const due = await context.state.query((db) => readDue(db, context.now));
    for (const { reminder_id: reminderId } of due) {
      await context.append(ReminderRung, { reminderId });
    }
    return { rung: due.length };
  },
});
