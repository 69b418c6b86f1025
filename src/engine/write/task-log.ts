import assert from 'node:assert';
import type { LedgerEvent } from '../define/event';
import { uuidV5 } from '../define/ids';
import { column } from '../../database/column';
import { defineAppendTable, type RowOf } from '../define/state-table';
import type { EventTaskGateway } from '../define/task-gateway';
import { canonicalJson } from './hash-chain';

/** A task as an event asks for it. */
export interface RequestedTask {
  /** Position of the event. */
  readonly position: number;
  /** The task's place among those of its event, from 0. */
  readonly ordinal: number;
  readonly name: string;
  readonly subject: string | null;
  /** Canonical JSON. */
  readonly payload: string;
}

export const taskLogTable = defineAppendTable({
  name: 'task_log',
  lastPosition: 'position',
  columns: {
    position: column.bigint(),
    ordinal: column.int(),
    task_id: column.uuid(),
    name: column.text(),
    subject: column.text().nullable(),
    /** Canonical when it is written. */
    payload: column.jsonText(),
  },
});
export type TaskRow = RowOf<typeof taskLogTable>;

/** Numbers the tasks that each event asks for; what becomes of them is for subclasses to say. */
export abstract class EventTasks implements EventTaskGateway {
  protected event: LedgerEvent | undefined;
  private ordinal = 0;

  constructor(private readonly names: ReadonlySet<string>) {}

  begin(event: LedgerEvent): void {
    this.event = event;
    this.ordinal = 0;
  }

  enqueue(name: string, payload: object, { subject = null }: { subject?: string | null } = {}) {
    assert(this.event, 'Only a materializer may ask for a task');
    assert(this.names.has(name), `No feature declares the task ${name}`);
    const { position } = this.event;
    const ordinal = this.ordinal++;
    this.take({ position, ordinal, name, subject, payload: canonicalJson(payload) });
  }

  protected abstract take(task: RequestedTask): void;
}

/** The gateway of live commands: collects rows for the transaction that the events go into. */
export class RecordedTasks extends EventTasks {
  readonly rows: TaskRow[] = [];

  protected take(task: RequestedTask): void {
    this.rows.push({ ...task, task_id: taskIdOf(this.event!.eventId, task.ordinal) });
  }
}

/** The id of a task: the same for every process that derives it, and for the outside world. */
export function taskIdOf(eventId: string, ordinal: number): string {
  return uuidV5(eventId, String(ordinal));
}
