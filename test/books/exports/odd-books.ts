import { CURRENCY_PATTERN } from '../../../src/money/currency';
import type { Random } from '../../harness/seed';
import type { TestService } from '../../harness/service';

const TYPES = ['asset', 'liability', 'equity', 'income', 'expense'] as const;
const GROUPS = [null, 'assets:cash', 'Liability:a', 'cash', 'a:b.c:d_-', '-:._', 'income', '9:x'];
/** Texts of which some program takes a part for something else. */
const TEXTS = [
  ...['Till', 'till', 'Rent | Landlord', 'a ; b', 'a;b', 'two  spaces', 'a\ttab', 'two\nlines'],
  ...['\r\nx', '(code) x', '! pending', '* cleared', '=1+1', '@ 3', '{5 USD}', '[2025-99-99]'],
  ...['"quoted" \\ back\\nslash\\', "it's", 'a:b::c', 'date:2020-99-99', 'x, type: Q, y', '#', '~'],
  ...['現金', 'Zürich Ångström', 'ß', 'кассы', 'a\u0301', '🏦👩‍💻', '\u00a0', '\u2028', '\u0085x'],
  ...[' ', '  lead', 'trail  ', ':', ';', '-', '1', '%d', '${x}', '<b>', '\u0001\u001f\u007f'],
  ...['Assets:17 Till', 'include /etc/passwd', '2025-01-01 x', 'x'.repeat(500), '🏦'.repeat(500)],
] as const;
const KEYS = [
  'invoice',
  'date',
  'type',
  'id',
  'metadata',
  'filename',
  'lineno',
  'a b',
  '日',
  'X-1',
];
const OWN_CURRENCIES = [
  ...['USD1:2', '1INCH:18', 'TRUE:0', 'NULL:4', '123:1', 'TOKEN:18', 'POINTS:0'],
] as const;
const ISO_CURRENCIES = ['USD:2', 'JPY:0', 'KWD:3'] as const;
const DAY_MS = 86_400_000;

interface OddAccount {
  readonly id: string;
  readonly currency: string;
  readonly digits: number;
}

/** Random books of several currencies in which names and texts are as odd as the API allows. */
export class OddBooks {
  readonly accounts: OddAccount[] = [];
  /** Position of the last event. */
  head = 0;

  constructor(
    private readonly service: TestService,
    private readonly random: Random,
  ) {}

  async open(count: number): Promise<void> {
    const currencies = [...ISO_CURRENCIES, ...OWN_CURRENCIES].map((text) => text.split(':'));
    for (const [code, digits] of currencies.slice(ISO_CURRENCIES.length)) {
      expect(code).toMatch(CURRENCY_PATTERN);
      await this.post('currencies', { code, digits: Number(digits), name: `Own ${code}` });
    }
    for (let i = 0; i < count; i++) {
      const [currency, digits] = currencies[i % currencies.length]!;
      const { id } = await this.post('accounts', {
        ...{ name: this.text(500), type: this.random.pick(TYPES), currency },
        ...(this.random.chance(0.5) && { clientId: `odd:${i}.-_` }),
        ...{ group: this.random.pick(GROUPS), metadata: this.metadata() },
      });
      this.accounts.push({ id, currency: currency!, digits: Number(digits) });
    }
  }

  /** Posts transactions, some of them of before, reverses some, and gives accounts other names. */
  async grow(count: number): Promise<void> {
    const { random } = this;
    for (let i = 0; i < count; i++) {
      const { id } = await this.post('transactions', this.transaction());
      if (random.chance(0.1)) await this.post(`transactions/${id}/reverse`, {});
      if (random.chance(0.1)) {
        const change = { name: this.text(500), group: random.pick(GROUPS) };
        const account = random.pick(this.accounts);
        const { status, headers } = await this.service.api.patch(
          `/v1/accounts/${account.id}`,
          change,
        );
        expect(status).toBe(200);
        this.head = Number(headers.get('ledger-position'));
      }
    }
  }

  /** A day of the books, or some days before or after. */
  anyDay(): string {
    return dayText(this.random.below(320) - 10);
  }

  anyPosition(): number {
    return 1 + this.random.below(this.head);
  }

  /** Some postings in each of one to three currencies, of which debits and credits are equal. */
  private transaction() {
    const { random } = this;
    const parts = Array.from({ length: 1 + random.below(3) }, () => {
      const { currency, digits } = random.pick(this.accounts);
      const accounts = this.accounts.filter((account) => account.currency === currency);
      const amounts = Array.from({ length: 1 + random.below(3) }, () => this.amount());
      const total = amounts.reduce((sum, amount) => sum + amount, 0n);
      const side = random.pick(['debit', 'credit'] as const);
      const other = side === 'debit' ? 'credit' : 'debit';
      const posting = (direction: string, amount: bigint) => ({
        accountId: random.pick(accounts).id,
        direction,
        amount: amountText(amount, digits),
      });
      return [...amounts.map((amount) => posting(side, amount)), posting(other, total)];
    });
    return {
      description: this.text(1000),
      effectiveDate: dayText(random.below(300)),
      metadata: this.metadata(),
      ...(random.chance(0.3) && { clientId: `t${random.below(1e9)}-${random.below(1e9)}` }),
      postings: parts.flat(),
    };
  }

  /** Up to 29 digits, so that a sum of three has thirty at most. */
  private amount(): bigint {
    const digits = this.random.pick([1, 3, 6, 20, 23, 28, 29]);
    let text = String(1 + this.random.below(9));
    while (text.length < digits) text += String(this.random.below(10));
    return BigInt(text);
  }

  private text(max: number): string {
    const { random } = this;
    const texts = Array.from({ length: 1 + random.below(3) }, () => random.pick(TEXTS));
    return Array.from(texts.join(random.pick(['', ' '])))
      .slice(0, max)
      .join('');
  }

  private metadata(): Record<string, string> {
    const { random } = this;
    const keys = Array.from({ length: random.below(4) }, () => random.pick(KEYS));
    return Object.fromEntries(keys.map((key) => [key, random.chance(0.2) ? '' : this.text(500)]));
  }

  private async post(path: string, body: object): Promise<{ id: string }> {
    const answer = await this.service.api.post<{ id: string }>(`/v1/${path}`, body);
    expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
    this.head = Number(answer.headers.get('ledger-position'));
    return answer.body;
  }
}

function dayText(day: number): string {
  return new Date(Date.UTC(1900, 0, 1) + day * DAY_MS * 50).toISOString().slice(0, 10);
}

function amountText(minor: bigint, digits: number): string {
  const text = String(minor).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
