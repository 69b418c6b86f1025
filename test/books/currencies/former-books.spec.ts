import { AccountOpened } from '../../../src/books/accounts/account.events';
import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { CreateCompany } from '../../../src/books/companies/company.creators';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import { PlaceOrder } from '../../../src/books/orders/order.creators';
import { SettleOrder } from '../../../src/books/orders/settle.creator';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import type { CreatorContext, Creator } from '../../../src/engine/define/creator';
import { upcast, type EventType, type LedgerEvent } from '../../../src/engine/define/event';
import type { Feature } from '../../../src/engine/define/feature';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { replay } from '../../../src/proof/replay/replay';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { startTestService } from '../../harness/service';
import { verifyOf } from '../../proof/replay/some-books';

/** What an account's opening had not in its first version. */
const LATER_FIELDS = ['digits', 'group'];

/** The program as it was: its events had version 1, and an account's opening no digits. */
const former: readonly Feature[] = features.map((feature) => ({
  ...feature,
  materializers: feature.materializers.map((materializer) => {
    const { event: type, apply, needs: needed } = materializer;
    if (type.version === 1) return materializer;
    const current = (event: LedgerEvent) => ({ ...event, data: upcast(type, event) });
    return {
      ...materializer,
      version: materializer.version - 1,
      event: { ...type, version: 1, upcasters: {} },
      apply: (event, context) => apply(current(event), context),
      needs: (event, needs) => needed?.(current(event), needs),
    };
  }),
}));

/** A creator that writes events as the program of before wrote them. */
function formerly<Input>({ answer: _, ...creator }: Creator<Input, unknown>): Creator<Input> {
  return {
    ...creator,
    run: (context, input) => {
      const append = <Data extends object>(type: EventType<Data>, data: Data, at?: string) => {
        const isOpening = type.type === AccountOpened.type;
        const fields = Object.entries(data).filter(
          ([name]) => !isOpening || !LATER_FIELDS.includes(name),
        );
        return context.append({ ...type, version: 1 }, Object.fromEntries(fields) as Data, at);
      };
      return creator.run(
        Object.create(context, { append: { value: append } }) as CreatorContext,
        input,
      );
    },
  };
}

async function formerBooks() {
  const databases = await cloneDatabases();
  const ledger = await startTestLedger({ databases, features: former });
  for (const currency of ['BGN', 'XAU', 'JPY']) {
    for (const [name, type] of [
      ['cash', 'asset'],
      ['owed', 'liability'],
      ['cost', 'expense'],
    ] as const) {
      const account = { clientId: `${name}-${currency}`, name, type, currency };
      const limits = name === 'owed' ? { minBalance: '-7' } : {};
      await ledger.accept(formerly(OpenAccount), { ...account, ...limits });
    }
    await ledger.accept(formerly(PostTransaction), {
      clientId: `first-${currency}`,
      description: 'Five',
      effectiveDate: '2024-01-01',
      postings: [
        { accountId: `client:cash-${currency}`, direction: 'debit', amount: '5' },
        { accountId: `client:owed-${currency}`, direction: 'credit', amount: '5' },
      ],
    });
    const accrual = { through: '2024-12-31', annualRate: '0.3', dayCount: '30/360' } as const;
    await ledger.accept(formerly(CalculateInterestOwed), {
      ...accrual,
      accountIds: [`client:owed-${currency}`],
      expenseAccountId: `client:cost-${currency}`,
    });
  }
  const address = { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
  const company = { clientId: 'acme', name: 'Acme', contactEmail: 'a@b.example', address };
  await ledger.accept(CreateCompany, company);
  await ledger.accept(formerly(PlaceOrder), {
    ...{ clientId: 'order', companyId: 'client:acme', side: 'buy', symbol: 'ACME', quantity: '1' },
    ...{ cashAccountId: 'client:cash-BGN', settlementAccountId: 'client:cost-BGN' },
    limitAmount: '3.5',
  });
  await ledger.accept(formerly(SettleOrder), {
    ...{ orderId: 'client:order', executedAmount: '3.25', settledAt: '2024-02-01T00:00:00Z' },
  });
  await ledger.close();
  return databases;
}

describe('books that were written before openings kept their digits', () => {
  it('mean the same after a replay, and keep the digits that they had', async () => {
    const databases = await formerBooks();
    const stored = await query<{ type: string; version: number; data: Record<string, unknown> }>(
      databases.urls.log,
      'select type, version, data from event_log order by position',
    );
    expect(stored.every(({ version }) => version === 1)).toBe(true);
    expect(stored[0]!.data).not.toHaveProperty('digits');
    const start = () => startTestService({ databases, features });
    await expect(start()).rejects.toThrow('run "npm run replay"');
    const report = await replay({ urls: databases.urls, registry: new Registry(features) });
    expect(report).toMatchObject({ status: 'swapped', doom: null });

    const service = await start();
    const { api } = service;
    const account = async (clientId: string) =>
      (await api.get(`/v1/accounts/client:${clientId}`)).body;
    expect(await account('cash-BGN')).toMatchObject({ balance: '1.75', debits: '5.00' });
    expect(await account('owed-BGN')).toMatchObject({ balance: '6.50', minBalance: '-7.00' });
    expect(await account('owed-JPY')).toMatchObject({ balance: '7', minBalance: '-7' });
    // The package took gold for a currency without digits.
    expect(await account('owed-XAU')).toMatchObject({ balance: '7', minBalance: '-7' });
    expect((await api.get('/v1/orders/client:order')).body).toMatchObject({
      ...{ limitAmount: '3.50', executedAmount: '3.25', cashAmount: '3.25' },
    });
    expect((await api.get('/v1/events/1')).body).toMatchObject({
      ...{ type: 'AccountOpened', version: 3, data: { currency: 'BGN', digits: 2, group: null } },
    });

    // A code keeps the digits of its first account, whatever the table of today proposes.
    expect((await api.get('/v1/currencies/XAU')).body).toMatchObject({ digits: 0, active: true });
    const gold = { name: 'Gold', type: 'asset', currency: 'XAU' };
    expect(await api.post('/v1/accounts', { ...gold, minBalance: '0.5' })).toMatchObject({
      body: { errors: [{ message: 'must have at most 0 decimals in XAU' }] },
    });
    expect((await api.post('/v1/accounts', gold)).body).toMatchObject({ balance: '0' });
    const reversed = await api.post('/v1/transactions/client:first-BGN/reverse');
    expect(reversed.body['postings']).toMatchObject([{ amount: '5.00' }, { amount: '5.00' }]);
    const versions = await query<{ type: string; version: number }>(
      databases.urls.log,
      'select distinct type, version from event_log where version > 1 order by type',
    );
    expect(versions.map(({ type }) => type)).toEqual(['AccountOpened', 'TransactionPosted']);
    expect(await verifyOf(service)).toMatchObject({ status: 'passed', log: [] });
  });
});
