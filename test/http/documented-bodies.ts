import type { Operation } from './documented-client';
import { NOBODY } from './pretended-findings';

export interface Named {
  id: string;
  position: number;
}
export interface List<T> {
  data: T[];
  nextCursor: string | null;
}
export interface Task {
  taskId: string;
  position: number;
  status: string;
}

export const RUNS = '/v1/admin/replay-verifications';
export const REPLAYS = '/v1/admin/replays';
export const ADDRESS = { line1: 'Main Street 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
export const ORDER = {
  ...{ companyId: 'client:acme', side: 'buy', symbol: 'ACME', quantity: '10.5' },
  ...{ cashAccountId: 'client:cash', settlementAccountId: 'client:broker' },
};

/** A payment from one account to another. */
export function posting(amount: string, debited = 'cash', credited = 'equity') {
  return {
    description: 'A payment',
    postings: [
      { accountId: `client:${debited}`, direction: 'debit', amount },
      { accountId: `client:${credited}`, direction: 'credit', amount },
    ],
  };
}

/** Some address, for endpoints that need not find anything. */
export function somewhere(path: string): string {
  const numbered = path.replace(/\{(position|amendment)\}/g, '999999');
  return numbered.replace('{code}', 'ZZZ').replace(/\{\w+\}/g, NOBODY);
}

/** A query with what an endpoint cannot do without. */
export function requiredQuery({ parameters = [] }: Operation): string {
  const required = parameters.filter((one) => one.in === 'query' && one.required);
  const given = required.map(({ name, schema }) => {
    return `${name}=${schema.example ?? schema.enum?.[0] ?? schema.minimum ?? NOBODY}`;
  });
  return given.length === 0 ? '' : `?${given.join('&')}`;
}
