import type * as Reader from '../../src/engine/session/database-reader';
import type * as Databases from '../harness/databases';
import type * as Service from '../harness/service';
import { FILTERED, makeEverything, type List } from './every-list';

/** The program once more, with pages in which two small rows have room, and never three. */
function loadWithSmallPages(): typeof Databases & typeof Service {
  const reader = '../../src/engine/session/database-reader';
  let loaded: (typeof Databases & typeof Service) | undefined;
  jest.isolateModules(() => {
    const actual = jest.requireActual<typeof Reader>(reader);
    jest.doMock(reader, () => ({ ...actual, PAGE_BYTES: 600 }));
    const databases = jest.requireActual<typeof Databases>('../harness/databases');
    loaded = { ...databases, ...jest.requireActual<typeof Service>('../harness/service') };
  });
  jest.dontMock(reader);
  return loaded!;
}

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
  const { cloneDatabases, startTestService, dropFileDatabases } = loadWithSmallPages();
  afterAll(dropFileDatabases);
  let service: Service.TestService;
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
      pages.push(body.data);
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
      for (const rows of pages) expect([1, 2]).toContain(rows.length);
      const singly = await pagesOf(path, `${filter}&limit=1`);
      expect(singly[0]).toHaveLength(1);
      expect(pages.flat()).toEqual(singly.flat());
      expect(new Set(pages.flat().map((row) => JSON.stringify(row))).size).toBe(
        pages.flat().length,
      );
    },
  );
});
