import { AccountOpened, type AccountOpenedData } from '../../../src/books/accounts/account.events';
import type { Feature } from '../../../src/engine/define/feature';
import { features } from '../../../src/features';
import { eventSchemas } from '../../../src/schemas/event-schemas';
import { query } from '../../harness/cluster';
import { startTestService } from '../../harness/service';
import { verifyOf } from '../replay/some-books';
import { AmendedBooks, startAmendedBooks } from './amended-books';

const now = AccountOpened.version;

/** Code in which accounts that were opened before it have their names in capitals. */
const next: readonly Feature[] = features.map((feature) => ({
  ...feature,
  materializers: feature.materializers.map((materializer) => {
    if (materializer.event.type !== AccountOpened.type) return materializer;
    const upcasters = {
      ...AccountOpened.upcasters,
      [now]: (data: object) => ({ ...data, name: (data as AccountOpenedData).name.toUpperCase() }),
    };
    return { ...materializer, event: { ...materializer.event, version: now + 1, upcasters } };
  }),
}));

describe('an event of an older version', () => {
  const schemas = eventSchemas[AccountOpened.type] as Record<number, object>;
  beforeAll(() => void (schemas[now + 1] = schemas[now]!));
  afterAll(() => void delete schemas[now + 1]);

  it('is amended in the current version, and restored to the one that it had', async () => {
    const before = await startAmendedBooks();
    const { databases } = before.service;
    await before.service.close();
    // Same materializers' version: what the state has was built by the code of before.
    const service = await startTestService({ databases, features: next });
    const books = new AmendedBooks(service);
    const stored = async () => {
      const rows = await query<{ version: number; data: AccountOpenedData }>(
        databases.urls.log,
        'select version, data from event_log where position = 1',
      );
      return rows[0]!;
    };
    expect(await stored()).toMatchObject({ version: now, data: { name: 'cash' } });
    const shown = await books.event(1);
    expect(shown).toMatchObject({ version: now + 1, data: { name: 'CASH' } });
    // The data that the event has already, as the API shows it, in the new version.
    const data = { ...shown.data, name: 'Petty cash' };
    const { status, body } = await books.amend(1, { data, reason: 'x' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ fromVersion: now, version: now + 1, data });
    expect(await stored()).toEqual({ version: now + 1, data });
    expect((await books.event(body.amendedAtPosition!)).data).toMatchObject({
      fromVersion: now,
      toVersion: now + 1,
    });
    expect((await books.backups()).data).toMatchObject([{ version: now, data: { name: 'cash' } }]);
    const { body: account } = await service.api.get('/v1/accounts/client:cash');
    expect(account['name']).toBe('Petty cash');
    expect(await verifyOf(service, {}, next)).toMatchObject({ status: 'passed', log: [] });
    expect((await books.restore(1, 1)).status).toBe(200);
    expect(await stored()).toMatchObject({ version: now, data: { name: 'cash' } });
    expect(await verifyOf(service, {}, next)).toMatchObject({ status: 'passed', log: [] });
  });
});
