import { SecretSeal } from '../adapters/secret-seal';
import type { Delivery, WebhookSender } from '../adapters/webhook-sender';
import type { LedgerEvent } from '../../engine/define/event';
import { LedgerUnavailable } from '../../engine/define/refusal';
import {
  OtherSideAway,
  PermanentFailure,
  type TaskContext,
} from '../../engine/define/task-handler';
import type { StateReader } from '../../engine/session/state-reader';
import { isWebhookSecret, ROTATION_OVERLAP_MS } from './webhook.secrets';
import type { WebhookSubscriptionRow } from './webhook.table';
import { EventDeliveries, PATIENCE_MS } from './webhook.tasks';

const ROTATED_AT = '2026-03-04T05:06:07.089Z';
const ID = '00000000-0000-7000-8000-000000000001';

const seal = new SecretSeal(Buffer.alloc(32, 1));
const derived = (version: number) => `whsec_${seal.derive(`webhook:${ID}:${version}`)}`;

const row: WebhookSubscriptionRow = {
  subscription_no: 1,
  subscription_id: ID,
  created_at: ROTATED_AT,
  client_id: null,
  url: 'https://receiver.example/hook?token=1',
  event_types: ['*'],
  status: 'active',
  secret_version: 1,
  sealed_secret: null,
  previous_sealed_secret: null,
  rotated_at: null,
  last_position: 1,
};

const event: LedgerEvent = {
  position: 7,
  eventId: '00000000-0000-7000-8000-000000000007',
  type: 'AccountClosed',
  version: 1,
  data: { accountId: ID },
  commandId: '00000000-0000-7000-8000-000000000006',
  occurredAt: '2026-03-04T05:06:07.000Z',
  recordedAt: '2026-03-04T05:06:08.000Z',
  actor: 'admin',
  correlationId: null,
  causationId: null,
  hash: 'ab'.repeat(32),
};

interface Attempt {
  readonly row?: WebhookSubscriptionRow | undefined;
  readonly statePosition?: number;
  readonly nowMs?: number;
  /** What the sender comes to; default: the receiver answers 204. */
  readonly failure?: Error;
}

/** Runs the handler once, and gives what it came to and what it sent. */
async function attempt(given: Attempt) {
  const { statePosition = 7, nowMs = Date.parse(ROTATED_AT), failure } = given;
  const value = 'row' in given ? given.row : row;
  const sent: Delivery[] = [];
  const sender: WebhookSender = {
    send: (delivery) => {
      sent.push(delivery);
      return failure ? Promise.reject(failure) : Promise.resolve({ status: 204 });
    },
    close: () => Promise.resolve(),
  };
  const read = () => Promise.resolve({ position: statePosition, value });
  const state = { read } as unknown as StateReader;
  const handler = new EventDeliveries(sender, seal, state);
  jest.spyOn(Date, 'now').mockReturnValue(nowMs);
  const context = {
    taskId: 'task',
    attempt: 1,
    event: { ...event, canonicalData: 'of no interest' },
    signal: new AbortController().signal,
  };
  const result = await handler.run({ subscriptionId: ID }, context as unknown as TaskContext);
  return { result, sent };
}

describe('the delivery of an event', () => {
  afterEach(() => jest.restoreAllMocks());

  it('sends the event without its tasks, under the id of the task', async () => {
    const { result, sent } = await attempt({});
    expect(result).toEqual({ status: 204 });
    const body = { type: 'AccountClosed', timestamp: event.recordedAt, data: event };
    expect(sent.map((d) => ({ ...d, body: JSON.parse(d.body) as unknown }))).toEqual([
      {
        url: row.url,
        id: 'task',
        secrets: [derived(1)],
        body,
        timestamp: new Date(ROTATED_AT),
      },
    ]);
  });

  it('has the same bytes on every attempt, whenever that is', async () => {
    const first = await attempt({});
    const later = await attempt({ nowMs: Date.parse(ROTATED_AT) + 3_600_000 });
    expect(later.sent[0]!.body).toBe(first.sent[0]!.body);
    expect(later.sent[0]!.timestamp).not.toEqual(first.sent[0]!.timestamp);
  });

  it('is signed with the secret that the client gave', async () => {
    const { sent } = await attempt({ row: { ...row, sealed_secret: seal.seal('whsec_1') } });
    expect(sent[0]!.secrets).toEqual(['whsec_1']);
  });

  it('is signed with both secrets for a day after a rotation, the new one first', async () => {
    const rotated = { ...row, secret_version: 2, rotated_at: ROTATED_AT };
    const given = { ...rotated, sealed_secret: seal.seal('whsec_2') };
    const end = Date.parse(ROTATED_AT) + ROTATION_OVERLAP_MS;
    const secretsAt = async (of: WebhookSubscriptionRow, nowMs: number) =>
      (await attempt({ row: of, nowMs })).sent[0]!.secrets;
    const [first, second] = [derived(1), derived(2)];
    expect(await secretsAt(rotated, end - 1)).toEqual([second, first]);
    expect(await secretsAt(rotated, end)).toEqual([second]);
    expect(await secretsAt(given, end - 1)).toEqual(['whsec_2', first]);
    const again = { ...rotated, previous_sealed_secret: seal.seal('whsec_1') };
    expect(await secretsAt(again, end - 1)).toEqual([second, 'whsec_1']);
  });

  it('is skipped where the subscription was disabled in the meantime', async () => {
    const { result, sent } = await attempt({ row: { ...row, status: 'disabled' } });
    expect(result).toEqual({ skipped: 'subscription_disabled' });
    expect(sent).toEqual([]);
  });

  it('waits for a state without the event, and fails without a subscription', async () => {
    const behind = attempt({ statePosition: 6, row: undefined });
    await expect(behind).rejects.toBeInstanceOf(LedgerUnavailable);
    await expect(attempt({ row: undefined })).rejects.toBeInstanceOf(PermanentFailure);
  });

  it('counts no attempts while the receiver is known to be away, for three days', async () => {
    const end = Date.parse(event.recordedAt) + PATIENCE_MS;
    const failure = new OtherSideAway('The receiver is away', 1000);
    await expect(attempt({ nowMs: end - 1, failure })).rejects.toBe(failure);
    const counted = attempt({ nowMs: end, failure });
    await expect(counted).rejects.toThrow('The receiver is away');
    await expect(counted).rejects.not.toBeInstanceOf(OtherSideAway);
    const gone = new PermanentFailure('gone');
    await expect(attempt({ nowMs: end, failure: gone })).rejects.toBe(gone);
  });
});

describe('a secret of Standard Webhooks', () => {
  const secret = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;

  it.each([24, 25, 26, 32, 64])('has %i bytes', (bytes) => {
    expect(isWebhookSecret(secret(bytes))).toBe(true);
  });

  it.each([
    secret(23),
    secret(65),
    '',
    'whsec_',
    secret(24).slice('whsec_'.length),
    secret(25).replace('=', ''),
    secret(24).replace('B', '-'),
    `${secret(24)}\n`,
    ` ${secret(24)}`,
  ])('is not %j', (text) => {
    expect(isWebhookSecret(text)).toBe(false);
  });
});
