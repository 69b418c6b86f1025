import type { Kysely } from 'kysely';
import type { ReminderRow, ReminderTables } from './reminder.table';

/** Those that nobody was told of yet and that are due at a time. */
export function readDue(db: Kysely<ReminderTables>, at: string): Promise<ReminderRow[]> {
  return db
    .selectFrom('reminders')
    .selectAll()
    .where('status', '=', 'set')
    .where('due_at', '<=', at)
    .orderBy('due_at')
    .orderBy('reminder_id')
    .execute();
}

/** All, in the order in which they are due. */
export function listReminders(db: Kysely<ReminderTables>): Promise<ReminderRow[]> {
  return db.selectFrom('reminders').selectAll().orderBy('due_at').orderBy('reminder_id').execute();
}

/** How many there are of each status. */
export function countReminders(
  db: Kysely<ReminderTables>,
): Promise<{ status: string; count: number }[]> {
  return db
    .selectFrom('reminders')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
    .groupBy('status')
    .execute();
}
