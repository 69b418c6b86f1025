import { PART_POSITIONS } from '../../../src/books/search/search.table';
import type { TransactionDto } from '../../../src/books/transactions/transaction.dto';
import type { Page } from '../../../src/http/page';
import { cloneDatabases } from '../../harness/databases';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { SearchModel, type Filters } from './search-model';

describe('the search for transactions (on real databases)', () => {
  let service: TestService;
  let random: Random;
  let model: SearchModel;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    random = seededRandom();
    model = new SearchModel(service, random);
    await model.openAccounts(25);
    // One part is complete, and one is being filled.
    for (let i = 0; i < (PART_POSITIONS * 1.3) / 500; i++) {
      await model.post(500);
      if (random.chance(0.5)) await model.move();
    }
    await model.post(1 + random.below(40));
  }, 300_000);

  const page = async (filters: Filters): Promise<Page<TransactionDto>> => {
    const path = `/v1/transactions?${new URLSearchParams(filters).toString()}`;
    const { status, body } = await service.api.get<Page<TransactionDto>>(path);
    expect([status, body]).toEqual([200, expect.anything()]);
    return body;
  };

  /** The ids of all pages, or of as many as there may be. */
  const list = async (filters: Filters, pages = 1_000, between?: () => Promise<void>) => {
    const ids: string[] = [];
    let next: string | null = null;
    for (let i = 0; i < pages; i++) {
      const limit = String(1 + random.below(200));
      const { data, nextCursor }: Page<TransactionDto> = await page(
        next === null ? { ...filters, limit } : { cursor: next, limit },
      );
      ids.push(...data.map(({ id }) => id));
      next = nextCursor;
      if (next === null) break;
      await between?.();
    }
    return { ids, isWhole: next === null };
  };

  it('finds what a look at each of them finds, whatever is asked, both ways', async () => {
    for (let i = 0; i < rounds(60, 1_000); i++) {
      const filters = model.anyFilters();
      const expected = model.find(filters);
      const order = random.pick(['asc', 'desc']);
      if (order === 'desc') expected.reverse();
      const { ids, isWhole } = await list({ ...filters, order }, 4);
      const some = isWhole ? expected : expected.slice(0, ids.length);
      expect({ filters, order, ids }).toEqual({ filters, order, ids: some });
    }
  }, 300_000);

  it('shows what was posted before it began, once, while others post', async () => {
    for (const order of ['asc', 'desc']) {
      const filters = { q: 'inv' };
      const before = model.find(filters);
      const { ids } = await list({ ...filters, order }, 1_000, () => model.post(3));
      const after = model.find(filters);
      if (order === 'asc') expect(ids).toEqual(after.slice(0, ids.length));
      else expect(ids).toEqual(before.reverse());
      expect(ids.length).toBeGreaterThanOrEqual(before.length);
    }
  }, 120_000);
});
