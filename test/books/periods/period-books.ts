import { createHash } from 'node:crypto';
import type { ApiAnswer, ApiClient } from '../../harness/api-client';

/** A close as the API answers it. */
export interface PeriodClose {
  id: string;
  through: string;
  position: number;
  hash: string;
  digest: string;
  currencies: { currency: string; totalDebit: string; totalCredit: string }[];
  transactionIds: string[];
  reopened: { position: number; reason: string; transactionIds: string[] } | null;
}

interface TrialBalance {
  currencies: {
    currency: string;
    rows: { accountId: string; debit: string; credit: string }[];
    totalDebit: string;
    totalCredit: string;
  }[];
}

/** Short ways to books over HTTP that close periods. */
export class PeriodBooks {
  constructor(readonly api: ApiClient) {}

  async open(clientId: string, type: string, rest: object = {}): Promise<string> {
    const account = { clientId, name: clientId, type, currency: 'USD', ...rest };
    const { status, body } = await this.api.post<{ id: string }>('/v1/accounts', account);
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body.id;
  }

  /** Debits the first account and credits the second, both by their client ids. */
  post(debit: string, credit: string, amount: string, effectiveDate: string, rest: object = {}) {
    return this.api.post<{ id: string; position: number; code: string; detail: string }>(
      '/v1/transactions',
      {
        ...{ description: `${debit} from ${credit}`, effectiveDate },
        postings: [
          { accountId: `client:${debit}`, direction: 'debit', amount },
          { accountId: `client:${credit}`, direction: 'credit', amount },
        ],
        ...rest,
      },
    );
  }

  close(through: string, closeTo?: string[]): Promise<ApiAnswer<PeriodClose>> {
    const accounts = closeTo?.map((clientId) => `client:${clientId}`);
    return this.api.post('/v1/period-closes', { through, ...(accounts && { closeTo: accounts }) });
  }

  reopen({ id }: { id: string }, reason = 'A late invoice'): Promise<ApiAnswer<PeriodClose>> {
    return this.api.post(`/v1/period-closes/${id}/reopen`, { reason });
  }

  async get<Body = Record<string, unknown>>(path: string): Promise<Body> {
    return (await this.api.get<Body>(path)).body;
  }

  async balanceOf(clientId: string): Promise<string> {
    return (await this.get<{ balance: string }>(`/v1/accounts/client:${clientId}`)).balance;
  }

  /** The digest as anybody computes it from the trial balance that the API gives. */
  async digestOf({ through, position }: PeriodClose): Promise<string> {
    const query = `asOf=${through}&atPosition=${position}`;
    const report = await this.get<TrialBalance>(`/v1/reports/trial-balance?${query}`);
    const sealed = report.currencies.map(({ currency, rows, totalDebit, totalCredit }) => ({
      currency,
      rows: rows
        .filter(({ debit, credit }) => Number(debit) !== 0 || Number(credit) !== 0)
        .map(({ accountId, debit, credit }) => ({ accountId, debit, credit }))
        .sort((a, b) => (a.accountId < b.accountId ? -1 : 1)),
      totalDebit,
      totalCredit,
    }));
    sealed.sort((a, b) => (a.currency < b.currency ? -1 : 1));
    return createHash('sha256').update(canonical(sealed)).digest('hex');
  }
}

/** RFC 8785 of texts, lists and objects: names sorted, nothing between. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, of]) => `${JSON.stringify(name)}:${canonical(of)}`).join(',')}}`;
}
