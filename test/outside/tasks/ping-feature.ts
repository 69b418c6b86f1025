import { column } from '../../../src/database/column';
import { defineCreator } from '../../../src/engine/define/creator';
import { defineEvent } from '../../../src/engine/define/event';
import { defineMaterializer, type Materializer } from '../../../src/engine/define/materializer';
import { Refusal } from '../../../src/engine/define/refusal';
import { defineFeature, type Feature } from '../../../src/engine/define/feature';
import { defineAppendTable } from '../../../src/engine/define/state-table';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger, type TestLedger } from '../../harness/ledger';

/**
 * A feature for the specs of the tasks: a ping asks for the tasks that it names, and a pong is
 * what handlers write to the books.
 */
export const pings = defineAppendTable({
  name: 'pings',
  lastPosition: 'position',
  columns: { position: column.bigint(), text: column.text() },
});

/** Made for the test; the session knows nothing of the constraint. */
export const PING_TABLES = [
  `create table state.pings (position bigint not null, text text not null check (text <> 'bad'))`,
];

/** What a ping asks for. */
export interface AskedTask {
  readonly name: string;
  readonly payload: object;
  readonly subject?: string;
  readonly notBefore?: string;
}

interface PingData {
  readonly text: string;
  readonly tasks: readonly AskedTask[];
}

export const PingSent = defineEvent<PingData>('PingSent');
export const PongReceived = defineEvent<{ text: string }>('PongReceived');

/** What the materializer asks for; specs give another one to change the materializer. */
export type AsksFor = (data: PingData, position: number) => readonly AskedTask[];

export function materializePing(version: number, asksFor: AsksFor): Materializer {
  return defineMaterializer(PingSent, version, async ({ data, position }, context) => {
    context.state.append(pings, { position, text: data.text });
    for (const { name, payload, ...options } of asksFor(data, position)) {
      context.tasks.enqueue(name, payload, options);
    }
    await Promise.resolve();
  });
}

const materializePong = defineMaterializer(
  PongReceived,
  1,
  async ({ data, position }, { state }) => {
    state.append(pings, { position, text: data.text });
    await Promise.resolve();
  },
);

export interface SendPingInput {
  /** `bad` is refused by a constraint, when everything is flushed. */
  readonly text?: string;
  readonly tasks?: readonly AskedTask[];
  /** Events, each with the same tasks; default 1. */
  readonly count?: number;
  /** What goes wrong after the events were appended. */
  readonly then?: 'refuse';
}

export const SendPing = defineCreator<SendPingInput, { eventIds: string[] }>({
  name: 'SendPing',
  run: async (context, { text = 'ping', tasks = [], count = 1, then }) => {
    const eventIds: string[] = [];
    for (let i = 0; i < count; i++) {
      eventIds.push((await context.append(PingSent, { text, tasks })).eventId);
    }
    if (then === 'refuse') throw new Refusal('not_today', 'Not today');
    return { eventIds };
  },
});

export const ReceivePong = defineCreator<{ text: string }, { position: number }>({
  name: 'ReceivePong',
  run: async (context, { text }) => {
    if (text === 'unwanted') throw new Refusal('not_wanted', 'This pong is not wanted');
    return { position: (await context.append(PongReceived, { text })).position };
  },
});

/** This feature alone, with the names of the tasks that its pings may ask for. */
export function pingFeatures(
  tasks: readonly string[],
  ping: Materializer = materializePing(1, (data) => data.tasks),
): readonly Feature[] {
  const feature = defineFeature({
    name: 'pings',
    tables: [pings],
    materializers: [ping, materializePong],
    creators: [SendPing, ReceivePong],
    tasks,
  });
  return [feature];
}

/** The tasks that pings ask for where a spec does not care. */
export const NAMES = ['ping.greet', 'ping.shout'];

export function greet(who: string): AskedTask {
  return { name: 'ping.greet', payload: { who }, subject: who };
}

/** A ledger that takes pings, on databases of its own. */
export async function startPings(features = pingFeatures(NAMES)): Promise<TestLedger> {
  const databases = await cloneDatabases({ stateTables: PING_TABLES });
  return startTestLedger({ databases, features });
}

interface TaskLogRow {
  task_id: string;
  position: number;
  ordinal: number;
  name: string;
  subject: string | null;
  payload: object;
  not_before: string | null;
}

/** What was asked for, in the order of the log. */
export function taskLog({ databases }: Pick<TestLedger, 'databases'>): Promise<TaskLogRow[]> {
  const columns = 'task_id, position, ordinal, name, subject, payload, not_before';
  const text = `select ${columns} from task_log order by position, ordinal`;
  return query<TaskLogRow>(databases.urls.log, text);
}
