import { ChangeCompanyAddress, CreateCompany } from '../../../src/books/companies/company.creators';
import type { HistoryEventDto } from '../../../src/books/history/history.dto';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { startTestService } from '../../harness/service';

/** More than are read at a time of what is told from its events. */
const CHANGES = 10_050;
const IN_FLIGHT = 250;
const ADDRESS = { line1: 'Main Street 1', postalCode: '53113', country: 'DE' };

const cityOf = (change: number) => ({ ...ADDRESS, city: `City ${change}` });

describe('a history of more events than are read at a time', () => {
  it('tells what each changed, to its end', async () => {
    const databases = await cloneDatabases();
    const ledger = await startTestLedger({ databases });
    const company = { name: 'A', contactEmail: 'a@example.com', address: cityOf(0) };
    const { id } = await ledger.accept(CreateCompany, company);
    for (let change = 1; change <= CHANGES; change += IN_FLIGHT) {
      const some = Array.from({ length: Math.min(IN_FLIGHT, CHANGES - change + 1) }, (_, i) =>
        ledger.accept(ChangeCompanyAddress, { companyId: id, address: cityOf(change + i) }),
      );
      await Promise.all(some);
    }
    await ledger.close();
    const service = await startTestService({ databases });
    const path = `/v1/companies/${id}/history`;
    const { status, body } = await service.api.get<{ data: HistoryEventDto[] }>(
      `${path}?order=desc&limit=3`,
    );
    expect(status).toBe(200);
    const told = body.data.map(({ type, changes }) => {
      const { before, after } = changes.find(({ field }) => field === 'version')!;
      const address = changes.find(({ field }) => field === 'address')!;
      return [type, before, after, address.before, address.after];
    });
    const wanted = [0, 1, 2].map((i): unknown[] => {
      const last = CHANGES - i;
      const cities = [cityOf(last - 1), cityOf(last)].map(
        (address) => expect.objectContaining(address) as object,
      );
      return ['CompanyAddressChanged', last, last + 1, ...cities];
    });
    expect(told).toEqual(wanted);
  }, 300_000);
});
