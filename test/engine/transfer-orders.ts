import type { ApiAnswer, ApiClient } from '../harness/api-client';

export const ACCOUNTS = 8;

/** An account, and what it must have. */
export interface Account {
  readonly id: string;
  cents: number;
}

/** A transfer with its key, and the answer to it, if one came. */
export interface Order {
  readonly key: string;
  readonly from: Account;
  readonly to: Account;
  readonly cents: number;
  answer?: ApiAnswer;
}

/** Sends an order with its key. */
export function send(api: ApiClient, { key, from, to, cents }: Order): Promise<ApiAnswer> {
  const amount = `0.${String(cents).padStart(2, '0')}`;
  const body = {
    description: key,
    postings: [
      { accountId: from.id, direction: 'credit', amount },
      { accountId: to.id, direction: 'debit', amount },
    ],
  };
  return api.post('/v1/transactions', body, { idempotencyKey: key });
}

/** Opens as many accounts as {@link ACCOUNTS} says. */
export async function openAccounts(api: ApiClient): Promise<Account[]> {
  const accounts: Account[] = [];
  for (let i = 0; i < ACCOUNTS; i++) {
    const body = { name: `Account ${i}`, type: 'asset', currency: 'USD' };
    const answer = await api.post<{ id: string }>('/v1/accounts', body);
    accounts.push({ id: answer.body.id, cents: 0 });
  }
  return accounts;
}
