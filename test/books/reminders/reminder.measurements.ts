import { Injectable } from '@nestjs/common';
import type { Measurement, Sample } from '../../../src/engine/define/measurement';
import { StateReader } from '../../../src/engine/session/state-reader';
import { countReminders } from './reminder.queries';

const REMINDERS = 'truebook_reminders';

@Injectable()
export class ReminderMeasurement implements Measurement {
  readonly metrics = [{ name: REMINDERS, help: 'Reminders by status', labels: ['status'] }];

  constructor(private readonly state: StateReader) {}

  async read(): Promise<Sample[]> {
    const { value } = await this.state.read(countReminders);
    return value.map(({ status, count }) => ({
      metric: REMINDERS,
      labels: { status },
      value: count,
    }));
  }
}
