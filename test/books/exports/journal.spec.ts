import { parse } from 'csv-parse/sync';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import type { TransactionDto } from '../../../src/books/transactions/transaction.dto';
import { cloneDatabases } from '../../harness/databases';
import { JOURNAL_PROGRAMS, notesBy, type JournalNotes } from '../../harness/journal-programs';
import { rounds } from '../../harness/rounds';
import { runScript } from '../../harness/script';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { exported, expectSameBalances, journalFile } from './exported-journal';
import { OddBooks } from './odd-books';

describe('the journal of random books (on real databases)', () => {
  let service: TestService;
  let random: Random;
  let books: OddBooks;
  const accounts = new Map<string, AccountDto>();
  const transactions: TransactionDto[] = [];

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    random = seededRandom();
    books = new OddBooks(service, random);
    await books.open(30);
    await books.grow(rounds(60, 600));
    for (const account of await all<AccountDto>('accounts')) accounts.set(account.id, account);
    transactions.push(...(await all<TransactionDto>('transactions')));
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

  async function all<T>(list: string): Promise<T[]> {
    const found: T[] = [];
    for (let cursor = ''; ;) {
      const path = `/v1/${list}?limit=200${cursor && `&cursor=${cursor}`}`;
      const { body } = await service.api.get<{ data: T[]; nextCursor: string | null }>(path);
      found.push(...body.data);
      if (body.nextCursor === null) return found;
      cursor = body.nextCursor;
    }
  }

  /** That nothing that the API says of a transaction or an account is missing. */
  function expectSameNotes({ descriptions, tags, json }: JournalNotes): void {
    for (const { id, clientId, description, metadata, reverses, recordedAt } of transactions) {
      expect([id, descriptions.get(id)]).toEqual([id, description]);
      const own = tags.get(id)!;
      const given = { ...own, ...json.get(id)! };
      for (const [key, value] of Object.entries(metadata)) expect(given[key]).toBe(value);
      expect(own).toMatchObject({ id, recordedAt });
      expect([own['clientId'], own['reverses']]).toEqual([
        clientId ?? undefined,
        reverses ?? undefined,
      ]);
    }
    expect(transactions.length).toBeGreaterThan(50);
  }

  it.each(JOURNAL_PROGRAMS)('has all texts for who reads them with %s', async (program) => {
    const { text } = await exported(service, `format=${program}`);
    expectSameNotes(await notesBy(program, await journalFile(program, text)));
  });

  it('has all of them as CSV, and no spreadsheet runs them', async () => {
    const { headers, text } = await exported(service, 'format=csv');
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const safe = (value: string | null) =>
      value === null
        ? ''
        : /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(value)
          ? `'${value}`
          : value;
    const sorted = transactions.toSorted((a, b) =>
      a.effectiveDate === b.effectiveDate
        ? a.position - b.position
        : a.effectiveDate < b.effectiveDate
          ? -1
          : 1,
    );
    const expected = sorted.flatMap((transaction) =>
      transaction.postings.map(({ accountId, direction, amount, currency }) => {
        const { clientId, name, group, type } = accounts.get(accountId)!;
        const { metadata } = transaction;
        return {
          ...{ effectiveDate: transaction.effectiveDate, position: String(transaction.position) },
          ...{ recordedAt: transaction.recordedAt, transactionId: transaction.id },
          ...{ clientId: safe(transaction.clientId), description: safe(transaction.description) },
          ...{ accountId, accountClientId: safe(clientId), account: safe(name) },
          ...{ group: safe(group), type, direction, amount, currency },
          ...{ reverses: transaction.reverses ?? '', source: '', holdId: '' },
          metadata: Object.keys(metadata).length > 0 ? JSON.stringify(metadata) : '',
        };
      }),
    );
    expect(parse(text, { columns: true })).toEqual(expected);
  });

  it('is the same for the script', async () => {
    const position = transactions.at(-1)!.position;
    for (const format of ['hledger', 'csv']) {
      const { text } = await exported(service, `format=${format}&atPosition=${position}`);
      const args = ['--format', format, '--at-position', String(position)];
      const { end, stdout, stderr } = await runScript('export-books', args, service.urls);
      expect({ end, stderr }).toEqual({
        end: 0,
        stderr: `Exported the books as known at position ${position}.\n`,
      });
      expect(stdout).toBe(text);
    }
  });
});
