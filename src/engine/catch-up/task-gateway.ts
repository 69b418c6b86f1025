import assert from 'node:assert';
import type { LedgerEvent } from '../define/event';
import { canonicalJson } from '../write/hash-chain';
import { uuidV5 } from '../define/ids';
import { defineAppendTable } from '../define/state-table';

/** What a task may say of itself besides its payload. */
export interface TaskOptions {
  /**
   * What the task is about, a recipient or a subscription: the tasks of a subject can be listed,
   * and are done in the order of the log where their handler says so.
   */
  readonly subject?: string;
}

/** The only way for a materializer to ask for a side effect. */
export interface TaskGateway {
  /**
   * Asks for a task. Live, it is recorded with the event; on catch-up, replay and verification
   * nothing is recorded, and what is asked for is compared with what was.
   * @throws AssertionError for a name that no feature declares
   */
  enqueue(name: string, payload: object, options?: TaskOptions): void;
}

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

/** A row of `task_log`. */
export interface TaskRow extends RequestedTask {
  readonly task_id: string;
}

export const taskLogTable = defineAppendTable<TaskRow>({
  name: 'task_log',
  lastPosition: 'position',
  columns: {
    position: 'bigint',
    ordinal: 'int',
    task_id: 'uuid',
    name: 'text',
    subject: 'text',
    payload: 'json',
  },
});

/** Numbers the tasks that each event asks for; what becomes of them is for subclasses to say. */
export abstract class EventTasks implements TaskGateway {
  protected event: LedgerEvent | undefined;
  private ordinal = 0;

  constructor(private readonly names: ReadonlySet<string>) {}

  /** To be called before an event is materialized. */
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
