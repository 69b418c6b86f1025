import { Story, STORY_TIME } from '../../../test/harness/story';
import { CloseAccount, OpenAccount } from '../../books/accounts/account.creators';
import {
  DisableWebhook,
  EnableWebhook,
  MAX_ACTIVE_SUBSCRIPTIONS,
  RotateWebhookSecret,
  SubscribeWebhook,
  type SubscribeWebhookInput,
} from './webhook.creators';

const opened: SubscribeWebhookInput = {
  url: 'https://receiver.example/hook',
  eventTypes: ['AccountOpened'],
};
const every: SubscribeWebhookInput = { ...opened, eventTypes: ['*'] };
const account = { name: 'Cash', type: 'asset', currency: 'USD' } as const;

const deliveryTo = (subscriptionId: string) => ({
  name: 'webhook.deliver',
  subject: subscriptionId,
  payload: { subscriptionId },
});

describe('SubscribeWebhook', () => {
  it('makes an active subscription', async () => {
    const { events, answer, tasks } = await new Story().when(SubscribeWebhook, {
      ...opened,
      clientId: 'crm',
      sealedSecret: 'sealed',
    });
    const data = { clientId: 'crm', ...opened, sealedSecret: 'sealed' };
    expect(events).toMatchObject([{ type: 'WebhookSubscribed', data }]);
    expect(answer).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      clientId: 'crm',
      ...opened,
      ...{ status: 'active', secretVersion: 1, createdAt: STORY_TIME, position: 1 },
    });
    expect(tasks).toEqual([]);
  });

  it('refuses a client id that a subscription has, active or not', async () => {
    const story = new Story();
    await story.given(SubscribeWebhook, { ...opened, clientId: 'crm' });
    await story.given(DisableWebhook, { subscriptionId: 'client:crm' });
    const { events, refusal } = await story.when(SubscribeWebhook, { ...every, clientId: 'crm' });
    expect(refusal?.code).toBe('client_id_taken');
    expect(events).toEqual([]);
  });

  it('refuses more active subscriptions than may be, and enabling one more', async () => {
    const story = new Story();
    const { id } = await story.given(SubscribeWebhook, opened);
    for (let i = 1; i < MAX_ACTIVE_SUBSCRIPTIONS; i++) await story.given(SubscribeWebhook, every);
    const refused = await story.when(SubscribeWebhook, opened);
    expect(refused.refusal?.code).toBe('webhook_limit_reached');
    await story.given(DisableWebhook, { subscriptionId: id });
    await story.given(SubscribeWebhook, opened);
    const enabled = await story.when(EnableWebhook, { subscriptionId: id });
    expect(enabled.refusal?.code).toBe('webhook_limit_reached');
    const { tasks } = await story.when(OpenAccount, account);
    expect(tasks).toHaveLength(MAX_ACTIVE_SUBSCRIPTIONS);
  });
});

describe('the deliveries that an event asks for', () => {
  it('are one for each subscription that wants its type', async () => {
    const story = new Story();
    const first = await story.given(SubscribeWebhook, opened);
    const second = await story.given(SubscribeWebhook, {
      ...opened,
      eventTypes: ['AccountClosed', 'AccountOpened'],
    });
    const third = await story.given(SubscribeWebhook, every);
    const open = await story.when(OpenAccount, { ...account, clientId: 'cash' });
    expect(open.tasks).toEqual([first.id, second.id, third.id].map(deliveryTo));
    const close = await story.when(CloseAccount, { accountId: 'client:cash' });
    expect(close.tasks).toEqual([second.id, third.id].map(deliveryTo));
  });

  it('are none where nobody wants it', async () => {
    const story = new Story();
    expect((await story.when(OpenAccount, account)).tasks).toEqual([]);
    await story.given(SubscribeWebhook, { ...opened, eventTypes: ['AccountClosed'] });
    expect((await story.when(OpenAccount, account)).tasks).toEqual([]);
  });

  it('are none after a subscription was disabled, and one again after it was enabled', async () => {
    const story = new Story();
    const first = await story.given(SubscribeWebhook, opened);
    const second = await story.given(SubscribeWebhook, opened);
    await story.given(DisableWebhook, { subscriptionId: first.id });
    const without = await story.when(OpenAccount, account);
    expect(without.tasks).toEqual([deliveryTo(second.id)]);
    await story.given(DisableWebhook, { subscriptionId: second.id });
    expect((await story.when(OpenAccount, account)).tasks).toEqual([]);
    await story.given(EnableWebhook, { subscriptionId: first.id });
    expect((await story.when(OpenAccount, account)).tasks).toEqual([deliveryTo(first.id)]);
  });

  it('are none for events about subscriptions, whoever wants everything', async () => {
    const story = new Story();
    await story.given(SubscribeWebhook, every);
    const { id: subscriptionId } = await story.given(SubscribeWebhook, every);
    const about = [
      await story.when(SubscribeWebhook, opened),
      await story.when(RotateWebhookSecret, { subscriptionId }),
      await story.when(DisableWebhook, { subscriptionId }),
      await story.when(EnableWebhook, { subscriptionId }),
    ];
    expect(about.flatMap((a) => a.events)).toHaveLength(4);
    expect(about.flatMap((a) => a.tasks)).toEqual([]);
  });

  it('are not asked for by a command that is refused', async () => {
    const story = new Story();
    await story.given(SubscribeWebhook, every);
    await story.given(OpenAccount, { ...account, clientId: 'cash' });
    const { tasks } = await story.when(OpenAccount, { ...account, clientId: 'cash' });
    expect(tasks).toEqual([]);
  });
});

describe('RotateWebhookSecret', () => {
  it('counts the versions, of a disabled subscription too', async () => {
    const story = new Story();
    const { id } = await story.given(SubscribeWebhook, { ...opened, clientId: 'crm' });
    const { events } = await story.when(RotateWebhookSecret, {
      subscriptionId: 'client:crm',
      sealedSecret: 'sealed again',
    });
    const data = { subscriptionId: id, secretVersion: 2, sealedSecret: 'sealed again' };
    expect(events).toEqual([{ type: 'WebhookSecretRotated', data }]);
    await story.given(DisableWebhook, { subscriptionId: id });
    const answer = await story.given(RotateWebhookSecret, { subscriptionId: id.toUpperCase() });
    expect(answer).toMatchObject({ id, secretVersion: 3, status: 'disabled', position: 4 });
  });
});

describe('DisableWebhook and EnableWebhook', () => {
  it('refuse a second time', async () => {
    const story = new Story();
    const { id: subscriptionId } = await story.given(SubscribeWebhook, opened);
    const active = await story.when(EnableWebhook, { subscriptionId });
    expect(active.refusal?.code).toBe('webhook_already_active');
    const answer = await story.given(DisableWebhook, { subscriptionId });
    expect(answer).toMatchObject({ status: 'disabled', position: 2 });
    const disabled = await story.when(DisableWebhook, { subscriptionId });
    expect(disabled.refusal?.code).toBe('webhook_already_disabled');
    const enabled = await story.given(EnableWebhook, { subscriptionId });
    expect(enabled).toMatchObject({ status: 'active', position: 3 });
  });

  it.each(['client:nobody', '00000000-0000-7000-8000-00000000ffff', 'no reference', ''])(
    'do not find %j',
    async (subscriptionId) => {
      for (const creator of [DisableWebhook, EnableWebhook, RotateWebhookSecret]) {
        const { refusal } = await new Story().when(creator, { subscriptionId });
        expect(refusal?.code).toBe('not_found');
      }
    },
  );
});
