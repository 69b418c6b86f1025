import { cloneDatabases } from '../../harness/databases';
import { JOURNAL_PROGRAMS } from '../../harness/journal-programs';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { expectSameBalances, exported } from './exported-journal';
import { OddBooks } from './odd-books';

describe('the journal of random books (on real databases)', () => {
  let service: TestService;
  let random: Random;
  let books: OddBooks;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    random = seededRandom();
    books = new OddBooks(service, random);
    await books.open(30);
    await books.grow(rounds(60, 600));
  }, 300_000);

  it.each(JOURNAL_PROGRAMS)('is accepted by %s, which finds the balances', async (program) => {
    const { status, headers, text } = await exported(service, `format=${program}`);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('ledger-position')).toBe(String(books.head));
    await expectSameBalances(service, program, text, '');
  });

  it('has what was known of some days, and before them the openings', async () => {
    for (let i = 0; i < rounds(3, 12); i++) {
      const program = JOURNAL_PROGRAMS[i % JOURNAL_PROGRAMS.length]!;
      const at = books.anyPosition() + 45;
      const position = Math.min(at, books.head);
      const [from, to] = [books.anyDay(), books.anyDay()].sort() as [string, string];
      const { text } = await exported(
        service,
        `format=${program}&from=${from}&to=${to}&atPosition=${position}`,
      );
      await expectSameBalances(service, program, text, `asOf=${to}&atPosition=${position}`);
    }
  });
});
