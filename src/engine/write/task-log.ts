import assert from 'node:assert';
import type { LedgerEvent } from '../define/event';
import { uuidV5 } from '../define/ids';
import { column } from '../../database/column';
import { defineAppendTable, type RowOf } from '../define/state-table';
import type { EventTaskGateway, TaskOptions } from '../define/task-gateway';
import { readInstant } from '../../money/instant';
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
  /** When it may be done at the earliest; null: at once. */
  readonly not_before: string | null;
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
    not_before: column.timestamptz().nullable(),
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

  enqueue(name: string, payload: object, { subject, notBefore }: TaskOptions = {}): void {
    assert(this.event, 'Only a materializer may ask for a task');
    assert(this.names.has(name), `No feature declares the task ${name}`);
    const { position } = this.event;
    const ordinal = this.ordinal++;
    this.take({
      position,
      ordinal,
      name,
      subject: subject ?? null,
      payload: canonicalJson(payload),
      not_before: notBefore === undefined ? null : checkedInstant(name, notBefore),
    });
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

function checkedInstant(name: string, notBefore: string): string {
  const isCanonical = typeof notBefore === 'string' && readInstant(notBefore) === notBefore;
  assert(
    isCanonical,
    `The task ${name} is not to be done before ${notBefore}, which is no instant`,
  );
  return notBefore;
}

/** The id of a task: the same for every process that derives it, and for the outside world. */
export function taskIdOf(eventId: string, ordinal: number): string {
  return uuidV5(eventId, String(ordinal));
}
