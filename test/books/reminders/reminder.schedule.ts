import { Injectable } from '@nestjs/common';
import type { Schedule } from '../../../src/engine/define/schedule';
import { Ledger } from '../../../src/engine/write/ledger';
import { RingReminders } from './reminder.creators';

/** Looks every second for what is due. */
@Injectable()
export class ReminderSchedule implements Schedule {
  readonly name = 'reminders';
  readonly pattern = '* * * * * *';

  constructor(private readonly ledger: Ledger) {}

  async run(at: Date): Promise<void> {
    const idempotencyKey = `reminders ${at.toISOString()}`;
    const command = { creator: RingReminders, input: {}, actor: 'schedule', idempotencyKey };
    await this.ledger.submit(command);
  }
}
