import type { AccountType } from '../../src/books/accounts/account.events';
import { OpenAccount } from '../../src/books/accounts/account.creators';
import type { Outcome } from '../../src/engine/define/creator';
import type { OpenLedger } from '../../src/engine/open-ledger';
import { CalculateInterestOwed } from '../../src/books/interest/interest.creators';
import { formatAmount } from '../../src/money/amount';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import type { PostTransactionInput } from '../../src/books/transactions/transaction.rules';

const ACTOR = 'bench';
/** No other accounts of the bench are in it. */
const CURRENCY = 'EUR';
export const OPEN_IN_FLIGHT = 2_000;
const POST_IN_FLIGHT = 16;
export const ACCOUNTS_PER_DEPOSIT = 999;
const WAITER_PAUSE_MS = 5;

export interface InterestLoad {
  readonly accounts: number;
  /** Entries that every account has. */
  readonly entries: number;
  /** Of the first accrual, and of one more day on all accounts. */
  readonly firstSeconds: number;
  readonly nextSeconds: number;
  /** The longest that another command waited meanwhile. */
  readonly longestWaitMs: number;
  /** The longest that the process did nothing else. */
  readonly longestStallMs: number;
  /** Largest memory that this process has held, in MiB. */
  readonly peakMib: number;
}

/** Makes accounts with entries, and accrues a month and then a day for all of them. */
export async function measureInterest(
  open: OpenLedger,
  accounts: number,
  entries: number,
): Promise<InterestLoad> {
  const { ledger } = open;
  const expenseAccountId = await openAccount(ledger, 'expense', 'Interest paid');
  const cash = await openAccount(ledger, 'asset', 'Cash');
  const ids: string[] = [];
  while (ids.length < accounts) {
    const length = Math.min(OPEN_IN_FLIGHT, accounts - ids.length);
    const opened = Array.from({ length }, () => openAccount(ledger, 'liability', 'Savings'));
    ids.push(...(await Promise.all(opened)));
  }
  await deposit(ledger, cash, ids, entries);
  const watched = watch(ledger, cash);
  const accrue = async (through: string) => {
    const begin = performance.now();
    const terms = { annualRate: '0.0425', dayCount: 'actual/365' } as const;
    const input = { through, accountIds: ids, expenseAccountId, ...terms };
    const command = { creator: CalculateInterestOwed, actor: ACTOR, input };
    const { accruals } = accepted(await ledger.submit(command));
    if (accruals.length !== accounts) throw new Error(`${accruals.length} accounts were accrued`);
    return (performance.now() - begin) / 1000;
  };
  const firstSeconds = await accrue('2026-01-31');
  const nextSeconds = await accrue('2026-02-01');
  const { longestWaitMs, longestStallMs } = await watched.stop();
  const peakMib = Math.round(process.resourceUsage().maxRSS / 1024);
  return { accounts, entries, firstSeconds, nextSeconds, longestWaitMs, longestStallMs, peakMib };
}

/** Credits every account on several days of January, many accounts in each transaction. */
async function deposit(
  ledger: OpenLedger['ledger'],
  cash: string,
  ids: readonly string[],
  entries: number,
): Promise<void> {
  const inputs: PostTransactionInput[] = [];
  for (let entry = 0; entry < entries; entry++) {
    const effectiveDate = `2026-01-${String(1 + ((entry * 5) % 28)).padStart(2, '0')}`;
    for (let at = 0; at < ids.length; at += ACCOUNTS_PER_DEPOSIT) {
      const slice = ids.slice(at, at + ACCOUNTS_PER_DEPOSIT);
      const cents = (i: number) => BigInt(10_000 + ((at + i) % 9_973));
      const sum = slice.reduce((total, _, i) => total + cents(i), 0n);
      const postings = [
        { accountId: cash, direction: 'debit' as const, amount: formatAmount(sum, 2) },
        ...slice.map((accountId, i) => {
          return { accountId, direction: 'credit' as const, amount: formatAmount(cents(i), 2) };
        }),
      ];
      inputs.push({ description: 'Deposits', effectiveDate, postings });
    }
  }
  const loop = async () => {
    for (let input = inputs.pop(); input; input = inputs.pop()) {
      accepted(await ledger.submit({ creator: PostTransaction, actor: ACTOR, input }));
    }
  };
  await Promise.all(Array.from({ length: POST_IN_FLIGHT }, loop));
}

/** Lets small commands come in one after the other, and watches how long things take. */
export function watch(ledger: OpenLedger['ledger'], cash: string) {
  let isOver = false;
  const worst = { longestWaitMs: 0, longestStallMs: 0 };
  const repeat = async (what: () => Promise<unknown>, key: keyof typeof worst) => {
    while (!isOver) {
      const begin = performance.now();
      await what();
      worst[key] = Math.max(worst[key], performance.now() - begin);
    }
  };
  const pause = () => new Promise((done) => setTimeout(done, WAITER_PAUSE_MS));
  const post = async () => {
    const posting = (direction: 'debit' | 'credit') => {
      return { accountId: cash, direction, amount: '1' };
    };
    const postings = [posting('debit'), posting('credit')];
    const input = { description: 'Waits', effectiveDate: '2026-01-01', postings };
    accepted(await ledger.submit({ creator: PostTransaction, actor: ACTOR, input }));
    await pause();
  };
  const over = Promise.all([repeat(post, 'longestWaitMs'), repeat(pause, 'longestStallMs')]);
  return {
    stop: async () => {
      isOver = true;
      await over;
      return worst;
    },
  };
}

export async function openAccount(
  ledger: OpenLedger['ledger'],
  type: AccountType,
  name: string,
): Promise<string> {
  const input = { name, type, currency: CURRENCY };
  return accepted(await ledger.submit({ creator: OpenAccount, actor: ACTOR, input })).id;
}

export function accepted<Answer>(outcome: Outcome<Answer>): Answer {
  if (outcome.kind === 'refused') throw outcome.refusal;
  return outcome.answer;
}
