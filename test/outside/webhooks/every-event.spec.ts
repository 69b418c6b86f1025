import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { eventExamples } from '../../../src/outside/webhooks/webhook.examples';
import { UNDELIVERED_TYPES } from '../../../src/outside/webhooks/webhook.events';
import { validateEventData } from '../../../src/schemas/event-data';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { startTestService, type TestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { everyOtherEvent } from '../../schemas/every-event';
import { PROJECT } from '../../source-files';
import { Receiver } from './receiver';

interface Logged {
  readonly type: string;
  readonly version: number;
  readonly position: number;
  readonly data: object;
}
interface Delivered {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Logged & Record<string, unknown>;
}
interface Documented {
  readonly paths: Record<string, { post: { callbacks: Record<string, object> } }>;
}

const EXAMPLES = join(PROJECT, 'src', 'schemas', 'event-examples.json');
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const registry = new Registry(features);
const types = registry.eventTypes.filter((type) => !UNDELIVERED_TYPES.has(type)).sort();

/** Writes the example of each type that says most; ids are made short, the same one the same. */
function writeExamples(events: readonly Logged[]): void {
  const examples = types.map((type) => {
    const fieldsOf = ({ data }: Logged) => Object.keys(data).length;
    const [most] = events
      .filter((event) => event.type === type)
      .sort((a, b) => fieldsOf(b) - fieldsOf(a) || sizeOf(a) - sizeOf(b));
    const { version, data } = most!;
    return [type, { version, data }];
  });
  const ids = new Map<string, string>();
  const text = JSON.stringify(Object.fromEntries(examples), null, 2).replace(UUID, (id) => {
    const known =
      ids.get(id) ?? `00000000-0000-7000-8000-${String(ids.size + 1).padStart(12, '0')}`;
    ids.set(id, known);
    return known;
  });
  writeFileSync(EXAMPLES, `${text}\n`);
}

function sizeOf(event: Logged): number {
  return JSON.stringify(event).length;
}

describe('webhooks of every event type', () => {
  let service: TestService;
  let receiver: Receiver;
  let events: Logged[];

  beforeAll(async () => {
    receiver = await Receiver.start();
    const databases = await cloneDatabases({ lifetime: 'file' });
    const env = { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'true' };
    service = await startTestService({ databases, tasks: 'work', env });
    for (const type of types) {
      const body = { url: `${receiver.origin}/${type}`, eventTypes: [type] };
      const { status } = await service.api.post('/v1/webhook-subscriptions', body);
      expect(status).toBe(201);
    }
    const ledger = await startTestLedger({ databases });
    await everyOtherEvent(ledger);
    await ledger.close();
    events = await query<Logged>(
      databases.urls.log,
      'select type, version, position, data from event_log order by position',
    );
  }, 120_000);

  afterAll(() => receiver.close());

  it('bring each one to who asked for its type, as the examples have it', async () => {
    const wanted = events.filter(({ type }) => types.includes(type));
    expect(new Set(wanted.map(({ type }) => type))).toEqual(new Set(types));
    await waitFor('all to be delivered', () => receiver.received.length >= wanted.length, 60_000);
    if (process.env['WRITE_EVENT_EXAMPLES'] === '1') writeExamples(events);
    const found = receiver.received.map(({ path, body }) => {
      const delivered = JSON.parse(body) as Delivered;
      return { path, delivered };
    });
    for (const { path, delivered } of found) {
      const { type, timestamp, data } = delivered;
      expect([path, data.type]).toEqual([`/${type}`, type]);
      expect(data['recordedAt']).toBe(timestamp);
      expect(validateEventData(type, data.version, data.data)).toEqual([]);
    }
    const positions = new Set(found.map(({ delivered }) => delivered.data.position));
    expect(positions).toEqual(new Set(wanted.map(({ position }) => position)));
  }, 90_000);

  it('are documented with an example of each', async () => {
    const { body } = await service.api.get<Documented>('/docs/json');
    const { callbacks } = body.paths['/v1/webhook-subscriptions']!.post;
    const documented = findExamples(callbacks);
    expect(Object.keys(documented).sort()).toEqual(types);
    const [received] = receiver.received.map((one) => JSON.parse(one.body) as Delivered);
    for (const [type, { value }] of Object.entries(documented)) {
      expect(Object.keys(value)).toEqual(Object.keys(received!));
      expect(Object.keys(value.data)).toEqual(Object.keys(received!.data));
      expect([value.type, value.data.type]).toEqual([type, type]);
      expect(validateEventData(type, value.data.version, value.data.data)).toEqual([]);
      // Of the version that is written today.
      expect(value.data.version).toBe(registry.materializerOf(type).event.version);
    }
    expect(Object.keys(eventExamples)).toHaveLength(types.length);
  });
});

function findExamples(part: object): Record<string, { value: Delivered }> {
  for (const [name, inner] of Object.entries(part)) {
    if (name === 'examples') return inner as Record<string, { value: Delivered }>;
    const found = typeof inner === 'object' && inner !== null ? findExamples(inner as object) : {};
    if (Object.keys(found).length > 0) return found;
  }
  return {};
}
