import { OtherMaterializers } from '../../src/engine/write/heads';
import { LedgerUnavailable } from '../../src/engine/define/refusal';
import { Registry } from '../../src/engine/define/registry';
import { replay } from '../../src/proof/replay/replay';
import { SubscribeWebhook } from '../../src/outside/webhooks/webhook.creators';
import { query } from '../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../harness/databases';
import { startTestLedger } from '../harness/ledger';
import { startTestService } from '../harness/service';
import { waitFor } from '../harness/waiting';
import { Receiver } from '../outside/webhooks/receiver';
import { featuresV1, featuresV2, NamePerson1, NamePerson2, PERSON_TABLES } from './person-feature';

const V1 = { version: 1, data: { name: 'Ada Lovelace' } };
const V2 = { version: 2, data: { givenName: 'Ada', familyName: 'Lovelace' } };
const NAME = { name: 'Ada Lovelace' };
const OPTIONS = { idempotencyKey: 'ada' };

/** Everything that the log has of persons, as it is stored. */
function storedPersons({ urls }: TestDatabases) {
  return query<{ position: number; version: number; data: object }>(
    urls.log,
    `select position, version, data from event_log where type = 'PersonNamed' order by position`,
  );
}

/** Books that the program wrote when the event had version 1: one event, and who wants it. */
async function booksOfVersion1(url = 'https://receiver.example/'): Promise<TestDatabases> {
  const databases = await cloneDatabases({ stateTables: PERSON_TABLES });
  const ledger = await startTestLedger({ databases, features: featuresV1 });
  await ledger.accept(SubscribeWebhook, { url, eventTypes: ['PersonNamed'] });
  await ledger.accept(NamePerson1, NAME, OPTIONS);
  expect(await storedPersons(databases)).toMatchObject([V1]);
  await ledger.close();
  return databases;
}

/** Replays with version 2 of the event; `matched` deliveries were recorded, by version 1. */
async function rebuild({ urls }: TestDatabases, matched = 1): Promise<void> {
  const report = await replay({ urls, registry: new Registry(featuresV2()) });
  expect(report).toMatchObject({ status: 'swapped', doom: null });
  expect(report.tasks).toMatchObject({ matched, missing: 0, extra: 0 });
}

describe('an event that was stored in an older version', () => {
  it('is read in the current one: by a replay, the API, repeats and receivers', async () => {
    const receiver = await Receiver.start();
    const databases = await booksOfVersion1(`${receiver.origin}/hook`);
    try {
      await rebuild(databases);
      const features = featuresV2();
      const env = { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'true' };
      const service = await startTestService({ databases, features, tasks: 'work', env });
      const { ledger } = service.open;
      const command = { creator: NamePerson2, input: NAME, actor: 'tester', ...OPTIONS };
      const repeated = await ledger.submit(command);
      expect(repeated).toMatchObject({ kind: 'accepted', isHit: true, answer: V2 });
      const named = await ledger.submit({ ...command, idempotencyKey: 'once more' });
      expect(named).toMatchObject({ kind: 'accepted', isHit: false, answer: V2 });

      const list = await service.api.get<{ data: { position: number }[] }>(
        '/v1/events?type=PersonNamed',
      );
      expect(list.body.data).toMatchObject([V2, V2]);
      for (const event of list.body.data) {
        const one = await service.api.get(`/v1/events/${event.position}`);
        expect(one.body).toMatchObject(V2);
      }
      // What was hashed stays as it is; what is new has the new version.
      expect(await storedPersons(databases)).toMatchObject([V1, V2]);
      await waitFor('both to be delivered', () => receiver.ids.length === 2);
      const delivered = receiver.received.map(
        ({ body }) => (JSON.parse(body) as { data: object }).data,
      );
      expect(delivered).toMatchObject([V2, V2]);
      const persons = await query(
        databases.urls.state,
        'select given_name, family_name from state.persons',
      );
      expect(persons).toEqual(Array(2).fill({ given_name: 'Ada', family_name: 'Lovelace' }));
      await service.close();
    } finally {
      await receiver.close();
    }
  });

  it('is caught up with in the current one by a state that lacks it', async () => {
    const databases = await booksOfVersion1();
    const features = featuresV2({ materializerVersion: 1 });
    await query(databases.superUrls.state, 'truncate state.persons');
    await query(
      databases.superUrls.state,
      `truncate state.webhook_subscriptions, state.webhook_routes, state.subject_positions`,
    );
    await query(
      databases.superUrls.state,
      `update state.event_log_state set position = 0, hash = decode(repeat('00', 32), 'hex')`,
    );
    const ledger = await startTestLedger({ databases, features });
    expect(ledger.log.lines).toEqual([]);
    const persons = await query(databases.urls.state, 'select given_name from state.persons');
    expect(persons).toEqual([{ given_name: 'Ada' }]);
  });
});

describe('a program whose versions do not fit the books', () => {
  it('refuses to write a state of other materializers, and says what to run', async () => {
    const databases = await booksOfVersion1();
    const open = () => startTestLedger({ databases, features: featuresV2() });
    await expect(open()).rejects.toThrow('run "npm run replay" to rebuild it');
    expect(await storedPersons(databases)).toHaveLength(1);
    await rebuild(databases);
    const ledger = await open();
    await ledger.accept(NamePerson2, NAME);
    expect(await storedPersons(databases)).toMatchObject([V1, V2]);
  });

  it('does not start where the log has a version that is newer, and names it', async () => {
    const databases = await booksOfVersion1();
    await rebuild(databases);
    const newer = await startTestLedger({ databases, features: featuresV2() });
    await newer.accept(NamePerson2, NAME);
    await newer.close();
    const older = startTestLedger({ databases, features: featuresV1 });
    await expect(older).rejects.toThrow('PersonNamed version 2 is in the log; known up to 1');
    databases.features = featuresV2();
    const report = await replay({ urls: databases.urls, registry: new Registry(featuresV1) });
    expect(report.doom).toMatchObject({
      position: 3,
      error: 'PersonNamed version 2 is newer than this program',
    });
  });

  it('does not start without an upcaster', async () => {
    const databases = await booksOfVersion1();
    const features = featuresV2({ upcasters: {} });
    const open = startTestLedger({ databases, features });
    await expect(open).rejects.toThrow('PersonNamed has no upcaster from version 1');
    databases.features = featuresV1;
  });

  it('writes nothing more where a newer program has rebuilt the state beside it', async () => {
    const databases = await booksOfVersion1();
    const older = await startTestLedger({ databases, features: featuresV1 });
    await older.accept(NamePerson1, NAME);
    await rebuild(databases, 2);
    await expect(older.submit(NamePerson1, NAME)).rejects.toThrow(LedgerUnavailable);
    expect(older.log.lines).toContainEqual(
      expect.objectContaining({ details: { err: expect.any(OtherMaterializers) as Error } }),
    );
    const newer = await startTestLedger({ databases, features: featuresV2() });
    await newer.accept(NamePerson2, NAME);
    expect(await storedPersons(databases)).toMatchObject([V1, V1, V2]);
  });

  it('goes on beside a newer program whose materializers write the same', async () => {
    const databases = await booksOfVersion1();
    const older = await startTestLedger({ databases, features: featuresV1 });
    const features = featuresV2({ materializerVersion: 1 });
    const newer = await startTestLedger({ databases, features });
    await newer.accept(NamePerson2, NAME);
    await older.accept(NamePerson1, NAME);
    await newer.accept(NamePerson2, NAME);
    expect(await storedPersons(databases)).toMatchObject([V1, V2, V1, V2]);
  });
});
