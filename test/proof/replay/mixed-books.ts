import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { ACCOUNT_TYPES } from '../../../src/books/accounts/account.events';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../../src/books/transactions/transaction.creators';
import { openAccount } from '../../harness/books';
import type { TestLedger } from '../../harness/ledger';
import type { Random } from '../../harness/seed';
import type { AccountDto } from '../../../src/books/accounts/account.dto';

const ACCOUNTS = 40;
const IN_FLIGHT = 50;
const TEXTS = ['rent', 'Überweisung', '家賃', 'tab\tand "quotes" \\ and\nlines', '🏠'];

/** Gives a ledger thousands of commands of every kind, as a seed chooses; some are refused. */
export async function mixedBooks(
  ledger: TestLedger,
  random: Random,
  commands: number,
): Promise<void> {
  const accounts = await Promise.all(
    Array.from({ length: ACCOUNTS }, (_, i) =>
      openAccount(ledger, {
        type: random.pick(ACCOUNT_TYPES),
        currency: i % 4 === 0 ? 'JPY' : 'USD',
        ...(random.chance(0.5) && { clientId: `account-${i}` }),
        ...(random.chance(0.2) && { minBalance: '-500' }),
        metadata: random.chance(0.3) ? { note: random.pick(TEXTS), a: 'b' } : {},
      }),
    ),
  );
  const posted: string[] = [];
  let left = commands;
  const loop = async () => {
    while (left-- > 0) await oneCommand(ledger, random, accounts, posted, left);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
}

async function oneCommand(
  ledger: TestLedger,
  random: Random,
  accounts: readonly AccountDto[],
  posted: string[],
  number: number,
): Promise<void> {
  if (random.chance(0.005)) {
    await ledger.submit(CloseAccount, { accountId: random.pick(accounts).id });
    const fresh = await openAccount(ledger, { clientId: `fresh-${number}` });
    await ledger.submit(CloseAccount, { accountId: fresh.id });
    return;
  }
  if (posted.length > 0 && random.chance(0.1)) {
    await ledger.submit(ReverseTransaction, { transactionId: random.pick(posted) });
    return;
  }
  const currency = random.chance(0.25) ? 'JPY' : 'USD';
  const own = accounts.filter((account) => account.currency === currency);
  const postings = [];
  for (let pairs = 1 + random.below(3); pairs > 0; pairs--) {
    const whole = 1 + random.below(90);
    const amount = currency === 'JPY' ? `${whole}` : `${whole}.${10 + random.below(90)}`;
    postings.push(
      { accountId: random.pick(own).id, direction: 'debit' as const, amount },
      { accountId: random.pick(own).id, direction: 'credit' as const, amount },
    );
  }
  const outcome = await ledger.submit(
    PostTransaction,
    {
      description: random.pick(TEXTS),
      effectiveDate: `2026-0${1 + random.below(9)}-1${random.below(10)}`,
      postings,
      ...(random.chance(0.3) && { clientId: `transaction-${number}` }),
      ...(random.chance(0.2) && { metadata: { z: random.pick(TEXTS), a: '1' } }),
    },
    random.chance(0.3) ? { idempotencyKey: `key-${number}` } : {},
  );
  if (outcome.kind === 'accepted') posted.push(outcome.answer.id);
}
