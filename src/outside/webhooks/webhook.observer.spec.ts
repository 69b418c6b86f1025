import { GENESIS, type LedgerEvent } from '../../engine/define/event';
import type { TaskGateway } from '../../engine/define/task-gateway';
import { BufferedSession } from '../../engine/session/buffered-session';
import { aheadOfLocks } from '../../engine/session/session-mode';
import { webhookObserver } from './webhook.observer';
import { webhookRoutes } from './webhook.table';

const event = { type: 'TransactionPosted' } as LedgerEvent;

function watched(rows: object[]) {
  const loads: string[] = [];
  const asked: unknown[] = [];
  const mode = aheadOfLocks((_table, _column, values) => {
    loads.push(values.join());
    return Promise.resolve(rows.filter((row) => values.includes(row['event_type' as never])));
  });
  const state = new BufferedSession([webhookRoutes], GENESIS, mode);
  const tasks: TaskGateway = { enqueue: (_name, payload) => void asked.push(payload) };
  return { loads, asked, state, context: { state, tasks } };
}

describe('the observer of all events', () => {
  it('looks into the database once, and then answers from memory and at once', async () => {
    const { loads, asked, state, context } = watched([]);
    await webhookObserver.apply(event, context);
    expect(loads.sort()).toEqual(['*', 'TransactionPosted']);
    for (let batch = 1; batch < 4; batch++) {
      state.committed(batch, GENESIS);
      expect(webhookObserver.apply(event, context)).toBeUndefined();
    }
    expect(loads).toHaveLength(2);
    expect(asked).toEqual([]);
  });

  it('asks at once where the routes are known', async () => {
    const { asked, context } = watched([
      { event_type: 'TransactionPosted', subscription_ids: ['one'] },
      { event_type: '*', subscription_ids: ['two', 'three'] },
    ]);
    const all = ['one', 'two', 'three'].map((subscriptionId) => ({ subscriptionId }));
    await webhookObserver.apply(event, context);
    expect(asked).toEqual(all);
    expect(webhookObserver.apply(event, context)).toBeUndefined();
    expect(asked).toEqual([...all, ...all]);
  });
});
