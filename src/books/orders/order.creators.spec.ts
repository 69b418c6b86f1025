import { Story, STORY_TIME } from '../../../test/harness/story';
import { CloseAccount, OpenAccount, type OpenAccountInput } from '../accounts/account.creators';
import { CreateCompany } from '../companies/company.creators';
import { CancelOrder, PlaceOrder, type PlaceOrderInput } from './order.creators';
import { SettleOrder } from './settle.creator';

const COMPANY = {
  clientId: 'acme',
  name: 'Acme',
  contactEmail: 'ceo@acme.example',
  address: { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' },
};

const ORDER: PlaceOrderInput = {
  companyId: 'client:acme',
  side: 'buy',
  symbol: 'XYZ',
  quantity: '10.50',
  cashAccountId: 'client:cash',
  settlementAccountId: 'client:broker',
};

async function prepared(): Promise<Story> {
  const story = new Story();
  await story.given(CreateCompany, COMPANY);
  const open = (clientId: string, rest: Partial<OpenAccountInput> = {}) =>
    story.given(OpenAccount, { clientId, name: clientId, type: 'asset', currency: 'USD', ...rest });
  for (const clientId of ['cash', 'broker']) await open(clientId);
  await open('yen', { currency: 'JPY' });
  const { id } = await open('closed');
  await story.given(CloseAccount, { accountId: id });
  return story;
}

const id = expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown;

describe('PlaceOrder', () => {
  it('places an order with ids in place of references, and posts nothing', async () => {
    const story = await prepared();
    const { events, tasks, answer } = await story.when(PlaceOrder, {
      ...ORDER,
      clientId: 'first',
      limitAmount: '100.5',
    });
    const data = {
      ...{ clientId: 'first', companyId: id, side: 'buy', symbol: 'XYZ', quantity: '10.5' },
      ...{ cashAccountId: id, settlementAccountId: id, limitAmount: '100.50', currency: 'USD' },
    };
    expect(events).toEqual([{ type: 'OrderPlaced', data: { ...data, orderId: id } }]);
    expect(tasks).toEqual([]);
    expect(answer).toEqual({
      ...data,
      ...{ id, status: 'placed', version: 1, createdAt: STORY_TIME, position: 7 },
      ...{ executedAmount: null, fee: null, feeAccountId: null, cashAmount: null },
      ...{ transactionId: null, settledAt: null },
    });
  });

  it.each<[Partial<PlaceOrderInput>, string, string]>([
    [{ companyId: 'client:nobody' }, 'company_not_found', '/companyId'],
    [{ cashAccountId: 'client:nobody' }, 'account_not_found', '/cashAccountId'],
    [{ settlementAccountId: 'client:nobody' }, 'account_not_found', '/settlementAccountId'],
    [{ cashAccountId: 'client:closed' }, 'account_closed', '/cashAccountId'],
    [{ settlementAccountId: 'client:closed' }, 'account_closed', '/settlementAccountId'],
    [{ settlementAccountId: 'client:cash' }, 'validation_failed', '/settlementAccountId'],
    [{ settlementAccountId: 'client:yen' }, 'currency_mismatch', '/settlementAccountId'],
    [{ limitAmount: '0.001' }, 'validation_failed', '/limitAmount'],
    [{ limitAmount: '0.00' }, 'validation_failed', '/limitAmount'],
    [{ quantity: '0.0' }, 'validation_failed', '/quantity'],
    // What is asked first is refused first.
    [{ companyId: 'client:x', cashAccountId: 'client:x' }, 'company_not_found', '/companyId'],
    [{ cashAccountId: 'client:closed', limitAmount: '0' }, 'account_closed', '/cashAccountId'],
  ])('refuses %j with %s at %s', async (change, code, pointer) => {
    const story = await prepared();
    const { events, refusal } = await story.when(PlaceOrder, { ...ORDER, ...change });
    expect(refusal?.code).toBe(code);
    expect(refusal?.details.errors?.map((e) => e.pointer)).toEqual([pointer]);
    expect(events).toEqual([]);
  });

  it('refuses a client id that an order has, cancelled or not, before anything else', async () => {
    const story = await prepared();
    await story.given(PlaceOrder, { ...ORDER, clientId: 'first' });
    await story.given(CancelOrder, { orderId: 'client:first' });
    const again = { ...ORDER, clientId: 'first', companyId: 'client:nobody' };
    const { events, refusal } = await story.when(PlaceOrder, again);
    expect(refusal?.code).toBe('client_id_taken');
    expect(events).toEqual([]);
  });
});

describe('CancelOrder', () => {
  it('cancels an order that is open, and only once', async () => {
    const story = await prepared();
    const placed = await story.given(PlaceOrder, ORDER);
    const orderId = placed.id;
    const { events, tasks, answer } = await story.when(CancelOrder, { orderId });
    expect(events).toEqual([{ type: 'OrderCancelled', data: { orderId } }]);
    expect(tasks).toEqual([]);
    expect(answer).toEqual({ ...placed, status: 'cancelled', version: 2, position: 8 });
    const again = await story.when(CancelOrder, { orderId: orderId.toUpperCase() });
    expect(again).toMatchObject({ events: [], refusal: { code: 'order_not_open' } });
    const executed = { executedAmount: '1', settledAt: '2026-03-04T00:00:00Z' };
    const settled = await story.when(SettleOrder, { orderId, ...executed });
    expect(settled).toMatchObject({ events: [], refusal: { code: 'order_not_open' } });
  });

  it.each(['client:nobody', '00000000-0000-7000-8000-00000000ffff', 'no reference'])(
    'does not find %j',
    async (orderId) => {
      const { refusal } = await new Story().when(CancelOrder, { orderId });
      expect(refusal?.code).toBe('not_found');
    },
  );
});
