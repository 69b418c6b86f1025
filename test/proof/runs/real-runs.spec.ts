import { query } from '../../harness/cluster';
import { startTestService, type TestService } from '../../harness/service';
import { apisOf, openAccounts, withTimings } from './run-service';

describe('verification and replay over the API', () => {
  it('finds what was changed by hand, mends it, and swaps back', async () => {
    const { service, verifications, replays } = await start();
    const head = await openAccounts(service, 5);
    const { body } = await verifications.request();
    expect(await verifications.becomes(body.id, 'passed')).toMatchObject({
      toPosition: head,
      processed: head,
      head,
      chain: { ok: true, brokenAt: null },
      tasks: { missing: 0, extra: 0, executed: 0 },
      doom: null,
      error: null,
      ranOn: { logHead: { position: head } },
    });
    await tamper(service);
    const second = await verifications.request();
    const failed = await verifications.becomes(second.body.id, 'failed');
    const accounts = failed.tables.find(({ table }) => table === 'accounts');
    expect(accounts).toMatchObject({ missing: 0, extra: 0, changed: 1, firstDivergingPosition: 2 });
    expect(accounts!.samples).toMatchObject([{ column: 'name', live: 'Mallory' }]);

    const refused = await replays.request();
    expect(refused).toMatchObject({ status: 409, body: { code: 'replay_differs' } });
    const mended = await replays.request({ acceptDifferences: true, reason: 'by hand' });
    expect(mended).toMatchObject({ status: 202, body: { status: 'swapped', reason: 'by hand' } });
    const third = await verifications.request();
    await verifications.becomes(third.body.id, 'passed');

    const swapBack = (options = {}) => service.api.post(`${replays.path}/swap-back`, {}, options);
    const dry = await swapBack({ dryRun: true });
    expect(dry).toMatchObject({ status: 200, body: { position: head } });
    const fourth = await verifications.request();
    await verifications.becomes(fourth.body.id, 'passed');
    const swapped = await swapBack({ idempotencyKey: 'back' });
    expect(swapped).toMatchObject({ status: 200, body: dry.body });
    expect(await swapBack({ idempotencyKey: 'back' })).toMatchObject({ body: swapped.body });
    const fifth = await verifications.request();
    await verifications.becomes(fifth.body.id, 'failed');
    expect(await swapBack()).toMatchObject({ status: 409, body: { code: 'no_way_back' } });
    // The books are what they were before the test's hand was in them.
    const again = await replays.request({ acceptDifferences: true, reason: 'mended again' });
    expect(again.body).toMatchObject({ status: 'swapped' });
    await openAccounts(service, 1);
    expect(await swapBack()).toMatchObject({ status: 409, body: { code: 'no_way_back' } });
  });

  it('verifies an empty log, its beginning, and a position in between', async () => {
    const { service, verifications } = await start();
    const empty = await verifications.request();
    expect(await verifications.becomes(empty.body.id, 'passed')).toMatchObject({ toPosition: 0 });
    await openAccounts(service, 4);
    for (const toPosition of [0, 1, 3, 4]) {
      const { body } = await verifications.request({ toPosition });
      const passed = await verifications.becomes(body.id, 'passed');
      expect(passed).toMatchObject({ toPosition, processed: toPosition });
    }
  });

  async function start() {
    const service = await startTestService({ runs: true, replace: [withTimings()] });
    return { service, ...apisOf(service) };
  }
});

/** As somebody with a console does. */
async function tamper(service: TestService): Promise<void> {
  const change = "update state.accounts set name = 'Mallory' where account_no = 2";
  await query(service.databases.superUrls.state, change);
}
