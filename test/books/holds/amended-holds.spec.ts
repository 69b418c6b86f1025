import type { HoldPlacedData } from '../../../src/books/holds/hold.events';
import type { AmendmentDto } from '../../../src/proof/amendments/amendment.dto';
import { startTestService, type TestService } from '../../harness/service';

const postings = (amount: string) => [
  { accountId: 'client:a', direction: 'debit', amount },
  { accountId: 'client:b', direction: 'credit', amount },
];

async function start() {
  const service = await startTestService();
  for (const clientId of ['a', 'b']) {
    const account = { clientId, name: 'x', type: 'asset', currency: 'USD' };
    await service.api.post('/v1/accounts', account);
  }
  const body = { clientId: 'hold', description: 'A hold', postings: postings('30') };
  const { body: hold } = await service.api.post<{ position: number }>('/v1/holds', body);
  return { service, position: hold.position };
}

/** Asks what would be if a hold had been placed with another amount. */
async function amend({ api }: TestService, position: number, amount: string) {
  const path = `/v1/events/${position}`;
  const { data } = (await api.get<{ data: HoldPlacedData }>(path)).body;
  const changed = { ...data, postings: data.postings.map((one) => ({ ...one, amount })) };
  return api.post<AmendmentDto & { code: string; detail: string }>(
    `/v1/admin/events/${position}/amend`,
    { data: changed, reason: 'It was another amount' },
    { dryRun: true },
  );
}

describe('amending the event that placed a hold', () => {
  it('shows what follows while nothing rests on it', async () => {
    const { service, position } = await start();
    const { status, body } = await amend(service, position, '20.00');
    expect(status).toBe(200);
    const changed = body.differences.tables.map(({ table, changed }) => [table, changed]);
    expect(Object.fromEntries(changed)).toEqual({ holds: 1, hold_entries: 2 });
    const unbalanced = await amend(service, position, '0.00');
    expect(unbalanced).toMatchObject({ status: 422, body: { code: 'zero_amount' } });
  });

  it.each([
    [
      'captured',
      'capture',
      { postings: postings('25'), final: false },
      '24.99',
      'More is captured',
    ],
    ['voided', 'void', {}, '20.00', 'More is captured'],
    ['voided', 'void', {}, '40.00', 'does not free all that is left'],
  ])('is refused where it was %s since (%s %j, %s)', async (_, verb, body, amount, why) => {
    const { service, position } = await start();
    expect((await service.api.post(`/v1/holds/client:hold/${verb}`, body)).status).toBeLessThan(
      300,
    );
    const refused = await amend(service, position, amount);
    expect(refused).toMatchObject({ status: 422, body: { code: 'amendment_not_materializable' } });
    expect(JSON.stringify(refused.body)).toContain(why);
  });
});
