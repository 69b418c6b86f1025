import { linesOf, readPdf, type PdfText } from '../../../test/harness/pdf-reader';
import type { ShownAccountRow } from '../accounts/account.table';
import { StatementPdf } from './statement-pdf';
import type { StatementEntries } from './statement';
import type { StatementEntryDto } from './statement.dto';

const ACCOUNT = {
  ...{ account_no: 1, account_id: '6a3f1c52-9d3c-4f0e-8d5b-0a51f7f3a001', client_id: 'till' },
  ...{ name: 'Pokladna – Žižkov', type: 'asset', currency: 'USD', digits: 2 },
  ...{ debits: 0n, credits: 0n, pending_debits: 0n, pending_credits: 0n, metadata: {} },
  ...{ account_group: null, min_balance: null, max_balance: null, closed_position: null },
} as unknown as ShownAccountRow;

function entry(of: Partial<StatementEntryDto>): StatementEntryDto {
  return {
    ...{ effectiveDate: '2026-01-31', recordedAt: '2026-01-31T00:00:00Z', position: 7 },
    ...{ transactionId: 't', clientId: null, description: 'Rent', direction: 'debit' as const },
    ...{ amount: '1.00', balance: '1.00', metadata: {} },
    counterAccounts: [{ accountId: 'a', clientId: null, name: 'Bank' }],
    ...of,
  };
}

async function drawn(
  entries: readonly StatementEntryDto[],
  { debits = 100n, account = ACCOUNT }: { debits?: bigint; account?: ShownAccountRow } = {},
): Promise<Buffer> {
  const ends = {
    ...{ account_no: 1, opening_debits: 0n, opening_credits: 0n },
    ...{ closing_debits: debits, closing_credits: 0n },
  };
  const pdf = new StatementPdf({ account, ends, from: '2026-01-01', to: undefined, position: 9 });
  const pages = async function* (): AsyncGenerator<StatementEntries> {
    await Promise.resolve();
    yield { entries, next: undefined };
  };
  const made: Buffer[] = [];
  for await (const draw of pdf.parts(pages())) {
    draw();
    made.push(pdf.document.taken() ?? Buffer.alloc(0));
  }
  pdf.document.end();
  return Buffer.concat([...made, pdf.document.taken()!]);
}

async function textsOf(bytes: Buffer): Promise<PdfText[][]> {
  const pdf = await readPdf(bytes);
  const pages = [];
  for (let number = 1; number <= pdf.pages; number++) pages.push(await pdf.page(number));
  await pdf.close();
  return pages;
}

const said = (texts: readonly PdfText[]) => texts.map(({ text }) => text);

describe('the document of a statement', () => {
  it('shows every script that its fonts have, and a mark for what none has', async () => {
    const shown = {
      'Zahlung für Straße 5': 'Zahlung für Straße 5',
      'Příliš žluťoučký kůň': 'Příliš žluťoučký kůň',
      'Оплата за июль': 'Оплата за июль',
      'Πληρωμή ενοικίου': 'Πληρωμή ενοικίου',
      'Վճարում · გადახდა': 'Վճարում · გადახდა',
      '支払い 5': '\ufffd\ufffd\ufffd 5',
      'a\u0000b\tc\u200d\ud800': 'a b c\ufffd',
    };
    const entries = Object.keys(shown).map((description) => entry({ description }));
    const [page] = await textsOf(await drawn(entries));
    const found = said(page!).join('\n').normalize('NFC');
    for (const text of Object.values(shown)) expect(found).toContain(text);
    expect(found).toContain('Pokladna – Žižkov');
  });

  it('shows what is written from right to left in the order in which it is read', async () => {
    const [page] = await textsOf(
      await drawn([entry({ description: 'תשלום עבור 17 ימים' }), entry({ description: 'Rent' })]),
    );
    // The reader turns each line round to what was written, as a person does.
    expect(said(page!)).toContain('תשלום עבור 17 ימים');
  });

  it('wraps long texts within their column, over pages too', async () => {
    const words = Array.from({ length: 3_000 }, (_, i) => `word${i}`).join(' ');
    const long = 'x'.repeat(400);
    const names = Array.from({ length: 12 }, (_, i) => ({
      accountId: 'a',
      clientId: null,
      name: `N${i}`,
    }));
    const pages = await textsOf(
      await drawn([
        entry({ description: `${words} ${long}`, counterAccounts: names }),
        entry({ description: 'two\nlines' }),
      ]),
    );
    expect(pages.length).toBeGreaterThan(2);
    const parts: string[] = [];
    for (const page of pages) {
      const column = page.find(({ text }) => text === 'Description')!;
      const next = page.find(({ text }) => text === 'Counter accounts')!;
      for (const text of page) {
        if (Math.abs(text.x - column.x) > 0.5 || text.y <= column.y) continue;
        expect(text.right).toBeLessThan(next.x);
        parts.push(text.text.trim());
      }
    }
    const all = parts.join(' ');
    expect(all).toContain('word0 word1 word2');
    expect(all.match(/word\d+/g)).toHaveLength(3_000);
    expect(all.match(/x{5,}/g)!.join('')).toBe(long);
    expect(all).toMatch(/two lines/);
    expect(said(pages[0]!).join(' ')).toMatch(/N0; N1;.* N9; and 2 more/);
  });

  it('numbers its pages, each with how many there are', async () => {
    const pages = await textsOf(await drawn(Array.from({ length: 200 }, () => entry({}))));
    expect(pages.length).toBeGreaterThan(2);
    for (const [i, page] of pages.entries()) {
      expect(said(page).slice(-2)).toEqual([`Page ${i + 1} of`, String(pages.length)]);
      expect(said(page)).toContain('Balance USD');
    }
  });

  it('has room for the largest numbers, whose points stand under each other', async () => {
    const amounts = ['999999999999999999999999999999.99', '-123456.78', '0.01', '11.10'];
    const entries = amounts.map((balance) => entry({ balance, amount: balance.replace('-', '') }));
    const [page] = await textsOf(await drawn(entries, { debits: 10n ** 32n }));
    const texts = page!;
    const headings = ['Debit', 'Credit', 'Balance USD'].map((name) =>
      texts.find(({ text }) => text === name)!,
    );
    for (const balance of amounts) {
      const row = linesOf(texts).find((line) => line.at(-1)?.text === balance)!;
      expect(row.at(-1)!.right).toBeCloseTo(headings[2]!.right, 1);
      expect(row.at(-2)!.right).toBeCloseTo(headings[0]!.right, 1);
      expect(row.at(-2)!.right).toBeLessThan(headings[1]!.x);
    }
    for (const line of linesOf(texts)) {
      for (const [i, text] of line.entries()) {
        if (i > 0) expect(text.x).toBeGreaterThanOrEqual(line[i - 1]!.right - 0.1);
      }
    }
  });
});
