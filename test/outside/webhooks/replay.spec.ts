import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { replay } from '../../../src/proof/replay/replay';
import {
  DisableWebhook,
  EnableWebhook,
  RotateWebhookSecret,
  SubscribeWebhook,
} from '../../../src/outside/webhooks/webhook.creators';
import { query } from '../../harness/cluster';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { seededRandom, type Random } from '../../harness/seed';

const COMMANDS = 300;
const IN_FLIGHT = 20;
const WANTED = [['AccountOpened'], ['AccountClosed'], ['AccountClosed', 'AccountOpened'], ['*']];

async function oneCommand(ledger: TestLedger, random: Random, ids: string[]): Promise<void> {
  if (random.chance(0.5) || ids.length === 0) {
    await ledger.accept(OpenAccount, { name: 'An account', type: 'asset', currency: 'USD' });
    return;
  }
  if (random.chance(0.1)) {
    const eventTypes = random.pick(WANTED);
    await ledger.submit(SubscribeWebhook, { url: 'https://receiver.example/', eventTypes });
    return;
  }
  const creator = random.pick([DisableWebhook, EnableWebhook, RotateWebhookSecret]);
  await ledger.submit(creator, { subscriptionId: random.pick(ids) });
}

/** What the events say should have been asked for, worked out without the program. */
function expectedTasks(events: readonly { position: number; type: string; data: object }[]) {
  const wants = new Map<string, string[]>();
  const active = new Set<string>();
  const expected: string[] = [];
  for (const { position, type, data } of events) {
    const { subscriptionId: id, eventTypes } = data as {
      subscriptionId: string;
      eventTypes: string[];
    };
    if (type === 'WebhookSubscribed') wants.set(id, eventTypes);
    if (type === 'WebhookSubscribed' || type === 'WebhookEnabled') active.add(id);
    if (type === 'WebhookDisabled') active.delete(id);
    if (type.startsWith('Webhook')) continue;
    for (const [subscription, types] of wants) {
      const isWanted = types.includes(type) || types.includes('*');
      if (active.has(subscription) && isWanted) expected.push(`${position} ${subscription}`);
    }
  }
  return expected.sort();
}

describe('what webhooks ask for while subscriptions come and go', () => {
  it('is what the events say, with two processes, and the same on a replay', async () => {
    const random = seededRandom();
    const ledger = await startTestLedger();
    const { databases } = ledger;
    const second = await startTestLedger({ databases });
    const ids: string[] = [];
    for (const eventTypes of [...WANTED, ...WANTED]) {
      const input = { url: 'https://receiver.example/', eventTypes };
      ids.push((await ledger.accept(SubscribeWebhook, input)).id);
    }
    let left = COMMANDS;
    const loop = async () => {
      while (left-- > 0) await oneCommand(random.pick([ledger, second]), random, ids);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
    await Promise.all([ledger.close(), second.close()]);

    const { log } = databases.urls;
    const events = await query<{ position: number; type: string; data: object }>(
      log,
      'select position, type, data from event_log order by position',
    );
    const tasks = await query<{ task: string }>(
      log,
      `select position || ' ' || subject as task from task_log where name = 'webhook.deliver'`,
    );
    expect(tasks.length).toBeGreaterThan(COMMANDS / 2);
    expect(tasks.map(({ task }) => task).sort()).toEqual(expectedTasks(events));
    const report = await replay({ urls: databases.urls, registry: new Registry(features) });
    expect(report.tasks).toMatchObject({ matched: tasks.length, missing: 0, extra: 0 });
  });
});
