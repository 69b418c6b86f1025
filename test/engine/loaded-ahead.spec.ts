import {
  ChangeAccount,
  FreezeAccount,
  ReopenAccount,
  UnfreezeAccount,
} from '../../src/books/accounts/account-change.creators';
import { CloseAccount, OpenAccount } from '../../src/books/accounts/account.creators';
import { CreateCompany } from '../../src/books/companies/company.creators';
import { PlaceOrder } from '../../src/books/orders/order.creators';
import { ReverseSettlement } from '../../src/books/orders/reverse-settlement.creator';
import { SettleOrder } from '../../src/books/orders/settle.creator';
import { PostTransactionBatch } from '../../src/books/transactions/batch.creator';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../src/books/transactions/transaction.creators';
import type { Outcome } from '../../src/engine/define/creator';
import {
  DisableWebhook,
  EnableWebhook,
  SubscribeWebhook,
} from '../../src/outside/webhooks/webhook.creators';
import { openAccount, transfer } from '../harness/books';
import { startTestLedger } from '../harness/ledger';
import { command, NOTHING, runAhead } from '../harness/run-ahead';

describe('what a batch of commands needs to know', () => {
  it('comes in a few queries where they are repeated, however many they are', async () => {
    const ledger = await startTestLedger();
    const [a, b] = [await openAccount(ledger), await openAccount(ledger)];
    const commands = Array.from({ length: 300 }, (_, i) => {
      const clientId = i % 2 ? `t${i}` : undefined;
      return command(PostTransaction, transfer(a, b, `${i + 1}`, { clientId }), `key ${i}`);
    });
    const first = await Promise.all(commands.map((one) => ledger.open.ledger.submit(one)));
    const again = await runAhead(ledger, [...commands, ...commands]);
    expect(again.outcomes).toEqual([...first, ...first].map((o) => ({ ...o, isHit: true })));
    // Accounts by their ids, transactions by their client ids in two, closed days; events of keys.
    expect([again.before, again.while]).toEqual([
      { log: 1, state: 5 },
      { log: 1, state: 0 },
    ]);
  });

  it('comes in a few queries for the keys inside a command too, by the thousand', async () => {
    const ledger = await startTestLedger();
    const [a, b] = [await openAccount(ledger), await openAccount(ledger)];
    const transactions = Array.from({ length: 2_500 }, (_, i) => ({
      ...transfer(a, b, `${i + 1}`),
      idempotencyKey: `item ${i}`,
    }));
    const input = { mode: 'independent' as const, transactions };
    const first = await ledger.accept(PostTransactionBatch, input);
    const again = await runAhead(ledger, [command(PostTransactionBatch, input)]);
    const [outcome] = again.outcomes as Outcome<typeof first>[];
    expect(outcome).toMatchObject({ kind: 'accepted' });
    expect(outcome!.kind === 'accepted' && outcome!.answer).toEqual(
      first.map((result) => ({ ...result, isHit: true })),
    );
    expect([again.before, again.while]).toEqual([
      { log: 1, state: 3 },
      { log: 3, state: 0 },
    ]);
  });

  it('is there before reversals are run', async () => {
    const ledger = await startTestLedger();
    const [a, b] = [await openAccount(ledger), await openAccount(ledger)];
    const posted = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        ledger.accept(PostTransaction, transfer(a, b, `${i + 1}.50`, { clientId: `t${i}` })),
      ),
    );
    const reversals = posted.map(({ id, clientId }, i) =>
      command(ReverseTransaction, { transactionId: i % 2 ? id : `client:${clientId}` }),
    );
    const run = await runAhead(ledger, reversals, ['TransactionPosted']);
    expect(run.outcomes.map((o) => o.kind === 'accepted' && o.answer)).toMatchObject(
      posted.map((transaction) => ({
        reverses: transaction.id,
        postings: transaction.postings.map(({ accountId, amount, direction }) => ({
          ...{ accountId, amount },
          direction: direction === 'debit' ? 'credit' : 'debit',
        })),
      })),
    );
    // Transactions by id and by client id, closed days, then accounts and what they are part of.
    expect([run.before, run.while]).toEqual([{ log: 0, state: 6 }, NOTHING]);
  });

  it('is there before orders are settled, and settlements taken back', async () => {
    const ledger = await startTestLedger();
    const [cash, settlement, fees] = await Promise.all(
      [1, 2, 3].map(() => openAccount(ledger, { type: 'asset' })),
    );
    const address = { line1: 'Main Street 1', city: 'Prague', postalCode: '11000', country: 'CZ' };
    const company = await ledger.accept(CreateCompany, {
      ...{ name: 'A company', contactEmail: 'a@example.com', address },
    });
    const orders = await Promise.all(
      Array.from({ length: 5 }, () =>
        ledger.accept(PlaceOrder, {
          ...{ companyId: company.id, side: 'sell' as const, symbol: 'X', quantity: '1' },
          ...{ cashAccountId: cash!.id, settlementAccountId: settlement!.id },
        }),
      ),
    );
    const settling = orders.map(({ id: orderId }) =>
      command(SettleOrder, {
        ...{ orderId, executedAmount: '10', fee: '1', feeAccountId: fees!.id },
        settledAt: '2026-01-31T10:00:00Z',
      }),
    );
    const run = await runAhead(ledger, settling, ['TransactionPosted', 'OrderSettled']);
    expect(run.outcomes.map((o) => o.kind)).toEqual(orders.map(() => 'accepted'));
    expect(run.while).toEqual(NOTHING);
    for (const one of settling) await ledger.open.ledger.submit(one);
    const undone = await runAhead(
      ledger,
      orders.map(({ id: orderId }) => command(ReverseSettlement, { orderId, reason: 'None' })),
      ['TransactionPosted', 'OrderSettlementReversed'],
    );
    expect(undone.outcomes.map((o) => o.kind)).toEqual(orders.map(() => 'accepted'));
    expect(undone.while).toEqual(NOTHING);
  });

  it('is there before webhooks are switched off and on', async () => {
    const ledger = await startTestLedger();
    const { id: subscriptionId } = await ledger.accept(SubscribeWebhook, {
      ...{ url: 'https://example.com/', eventTypes: ['AccountOpened', 'AccountClosed'] },
    });
    const run = await runAhead(
      ledger,
      [command(DisableWebhook, { subscriptionId }), command(EnableWebhook, { subscriptionId })],
      ['WebhookDisabled', 'WebhookEnabled'],
    );
    expect(run.outcomes.map((o) => o.kind)).toEqual(['accepted', 'accepted']);
    expect(run.while).toEqual(NOTHING);
  });

  it('is there before accounts are opened', async () => {
    const ledger = await startTestLedger();
    const input = { name: 'A', type: 'asset', currency: 'USD', clientId: 'a' } as const;
    const run = await runAhead(ledger, [command(OpenAccount, input)], ['AccountOpened']);
    expect([run.outcomes[0]!.kind, run.while]).toEqual(['accepted', NOTHING]);
  });

  it('is there before accounts are changed', async () => {
    const ledger = await startTestLedger();
    const account = await openAccount(ledger, { clientId: 'a' });
    const [accountId, reason] = ['client:a', 'A reason'];
    const changes = [
      command(ChangeAccount, { accountId, name: 'Renamed', minBalance: '-1' }),
      command(FreezeAccount, { accountId: account.id, side: 'all', reason }),
      command(UnfreezeAccount, { accountId, reason }),
      command(CloseAccount, { accountId }),
      command(ReopenAccount, { accountId: account.id, reason }),
    ];
    const appended = ['Changed', 'Frozen', 'Unfrozen', 'Closed', 'Reopened'];
    const types = appended.map((what) => `Account${what}`);
    const run = await runAhead(ledger, changes, types);
    expect(run.outcomes.map((o) => o.kind)).toEqual(changes.map(() => 'accepted'));
    expect(run.while).toEqual(NOTHING);
  });
});
