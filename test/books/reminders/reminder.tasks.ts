import { Injectable } from '@nestjs/common';
import type { TaskContext, TaskHandler } from '../../../src/engine/define/task-handler';
import { Mailer } from '../../../src/outside/adapters/mailer';
import { REMINDER_MAIL, type ReminderMail } from './reminder.materializers';

@Injectable()
export class ReminderMails implements TaskHandler<ReminderMail> {
  readonly name = REMINDER_MAIL;

  constructor(private readonly mailer: Mailer) {}

  run({ text }: ReminderMail, { taskId, signal }: TaskContext) {
    const mail = { to: 'clerk@books.example', subject: 'A reminder', text: `${text}\n` };
    return this.mailer.send(mail, { messageId: taskId, signal });
  }
}
