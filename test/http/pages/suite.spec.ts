import type * as Reader from '../../../src/engine/session/database-reader';
import { cloneDatabases } from '../../harness/databases';
import { testLength } from '../../harness/rounds';
import { startTestService, type TestService } from '../../harness/service';
import { FILTERED, makeEverything, rowsOf, type List } from '../every-list';

/**
 * Two small rows have room in a page, and never three. What is replaced has to be so before the
 * program is loaded: therefore this is a suite of its own.
 */
jest.mock('../../../src/engine/session/database-reader', () => ({
  ...jest.requireActual<typeof Reader>('../../../src/engine/session/database-reader'),
  PAGE_BYTES: 600,
}));

/** Lists of rows that have some kilobytes at most, whatever was written, or of so many lines. */
const SMALL = [
  '/v1/accounts/client:cash/entries',
  '/v1/companies',
  '/v1/currencies',
  '/v1/interest-accruals',
  '/v1/limits',
  '/v1/orders',
  '/v1/period-closes',
  '/v1/webhook-subscriptions',
  '/v1/diff',
  '/v1/diff/client:cash/events',
];
const LARGE = FILTERED.map(([path]) => path).filter((path) => !SMALL.includes(path));

describe('a page without room for all of its rows', () => {
  if (testLength() === 'rest') {
    it('was tried in the short run', () => expect(LARGE.length).toBeGreaterThan(5));
    return;
  }
  let service: TestService;
  let closeId: string;
  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    closeId = await makeEverything(service);
  }, 120_000);

  async function pagesOf(path: string, query: string): Promise<object[][]> {
    const pages: object[][] = [];
    let onward: string | null = query;
    while (onward !== null) {
      const { status, body }: { status: number; body: List } = await service.api.get<List>(
        `${path.replace('{id}', closeId)}?${onward}`,
      );
      expect(status).toBe(200);
      pages.push(rowsOf(body));
      onward = body.nextCursor === null ? null : `limit=200&cursor=${body.nextCursor}`;
    }
    return pages;
  }

  it.each([...LARGE, '/v1/tasks?status=recorded'])(
    'of %s ends early, and the next goes on where it ended',
    async (list) => {
      const [path, filter = ''] = list.split('?') as [string, string?];
      const pages = await pagesOf(path, `${filter}&limit=200`);
      expect(pages.length).toBeGreaterThanOrEqual(2);
      // Two accounts have room in a page of the ledger, and two entries of each beside them.
      const most = path === '/v1/reports/general-ledger' ? 4 : 2;
      for (const { length } of pages) expect(length > 0 && length <= most).toBe(true);
      const singly = await pagesOf(path, `${filter}&limit=1`);
      expect(singly[0]).toHaveLength(1);
      expect(pages.flat()).toEqual(singly.flat());
      expect(new Set(pages.flat().map((row) => JSON.stringify(row))).size).toBe(
        pages.flat().length,
      );
    },
  );
});
