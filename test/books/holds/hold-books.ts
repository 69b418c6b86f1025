import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { PlaceHold } from '../../../src/books/holds/hold.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { query } from '../../harness/cluster';
import { startTestLedger, type TestLedger, type TestLedgerOptions } from '../../harness/ledger';
import { HoldClock } from './hold-clock';

/** An event as it is in the log. */
export interface Logged {
  command_id: string;
  type: string;
  actor: string;
  occurred_at: string;
  recorded_at: string;
  data: { holdId?: string; expiresAt?: string };
}

/** The events after a position. */
export function logOf({ databases }: TestLedger, after = 0): Promise<Logged[]> {
  const text = 'select * from event_log where position > $1 order by position';
  return query<Logged>(databases.urls.log, text, [after]);
}

/** A shop, and Anna who has 100.00 and may not owe anything, on a clock that is moved. */
export async function startHolds({
  behindMs = 0,
  ...options
}: { behindMs?: number } & TestLedgerOptions = {}) {
  const clock = new HoldClock();
  clock.ms -= behindMs;
  const ledger = await startTestLedger({ ...options, clock });
  const open = (clientId: string, limits: object = {}) =>
    ledger.accept(OpenAccount, {
      ...{ clientId, name: clientId, type: 'liability', currency: 'USD' },
      ...limits,
    });
  await open('bank');
  await open('anna', { minBalance: '0' });
  await open('shop');
  const postings = (amount: string, from = 'anna', to = 'shop') => [
    { accountId: `client:${from}`, direction: 'debit' as const, amount },
    { accountId: `client:${to}`, direction: 'credit' as const, amount },
  ];
  const payment = (amount: string) => ({ description: 'Pay', postings: postings(amount) });
  await ledger.accept(PostTransaction, {
    ...{ description: 'Deposit', postings: postings('100', 'bank', 'anna') },
  });
  const place = (amount: string, ms?: number) =>
    ledger.accept(PlaceHold, {
      ...{ description: 'Dinner', postings: postings(amount) },
      ...(ms !== undefined && { expiresAt: clock.in(ms) }),
    });
  const head = () => ledger.open.ledger.head.position;
  return { clock, ledger, place, payment, head };
}
