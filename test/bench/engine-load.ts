import { randomUUID } from 'node:crypto';
import { OpenAccount, type OpenAccountInput } from '../../src/books/accounts/account.creators';
import { CreateLimit } from '../../src/books/limits/limit.creators';
import type { Command, Outcome } from '../../src/engine/define/creator';
import type { OpenLedger } from '../../src/engine/open-ledger';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../src/books/transactions/transaction.creators';
import type { TransactionDto } from '../../src/books/transactions/transaction.dto';
import type { PostTransactionInput } from '../../src/books/transactions/transaction.rules';

const ACTOR = 'bench';
const FILL_IN_FLIGHT = 512;

/** Two accounts that a transfer goes between: the debited one first. */
export type ChoosePair = () => readonly [string, string];

/** What one measurement found. */
export interface Load {
  readonly perSecond: number;
  /** Time from a command's submission to its outcome, of the slowest hundredth. */
  readonly p99Ms: number;
  /** The same of the slowest one. */
  readonly slowestMs: number;
}

export function uniformPair(accounts: readonly string[]): ChoosePair {
  return () => {
    const from = Math.floor(Math.random() * accounts.length);
    const step = 1 + Math.floor(Math.random() * (accounts.length - 1));
    return [accounts[from]!, accounts[(from + step) % accounts.length]!];
  };
}

/** Opens accounts, half of them assets and half liabilities. @returns their ids */
export async function openAccounts({ ledger }: OpenLedger, count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      openAccount(ledger, { name: `Account ${i}`, type: i % 2 ? 'liability' : 'asset' }),
    ),
  );
}

/** One pair that every transfer goes between; the debited account may not fall below zero. */
export async function openHotPair({ ledger }: OpenLedger): Promise<ChoosePair> {
  const payer = await openAccount(ledger, {
    name: 'Payer',
    type: 'liability',
    minBalance: '0.00',
  });
  const payee = await openAccount(ledger, { name: 'Payee', type: 'liability' });
  const funds = await openAccount(ledger, { name: 'Funds', type: 'asset' });
  await transfer(ledger, [funds, payer], '1000000000000.00');
  return () => [payer, payee];
}

/** Limits what is debited to an account, by day and by 24 hours, to more than a run can move. */
export async function limitVelocity({ ledger }: OpenLedger, accountId: string): Promise<void> {
  const of = { accountId, direction: 'debit', currency: 'USD', amount: '9000000000000' } as const;
  for (const per of ['day', 'rolling-24h'] as const) {
    const input = { ...of, per };
    accepted(await ledger.submit({ creator: CreateLimit, actor: ACTOR, input }));
  }
}

/** Keeps `inFlight` transfers under way for a time. */
export async function measureTransfers(
  { ledger }: OpenLedger,
  pair: ChoosePair,
  inFlight: number,
  durationMs: number,
  inputOf: (pair: readonly [string, string]) => PostTransactionInput = transferInput,
): Promise<Load> {
  const latencies: number[] = [];
  const begin = performance.now();
  const end = begin + durationMs;
  const loop = async () => {
    for (let at = performance.now(); at < end;) {
      const input = inputOf(pair());
      accepted(await ledger.submit({ creator: PostTransaction, actor: ACTOR, input }));
      const now = performance.now();
      latencies.push(now - at);
      at = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  const seconds = (performance.now() - begin) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const p99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  return { perSecond: latencies.length / seconds, p99Ms, slowestMs: sorted.at(-1) ?? 0 };
}

/** What became of the same transfers, one after the other: each a rate per second. */
export interface Repeated {
  readonly posted: number;
  readonly repeated: number;
  readonly reversed: number;
}

/** Posts transfers under keys for a time, then all of them again, and then reverses them. */
export async function measureRepeated(
  { ledger }: OpenLedger,
  pair: ChoosePair,
  inFlight: number,
  durationMs: number,
): Promise<Repeated> {
  const name = randomUUID();
  const end = performance.now() + durationMs;
  const commands: Command<PostTransactionInput, TransactionDto>[] = [];
  const ids: string[] = [];
  const posted = await ratePerSecond(inFlight, async () => {
    if (performance.now() > end) return false;
    const idempotencyKey = `${name} ${commands.length}`;
    const input = transferInput(pair());
    const command = { creator: PostTransaction, actor: ACTOR, input, idempotencyKey };
    commands.push(command);
    ids.push(accepted(await ledger.submit(command)).id);
    return true;
  });
  const again = commands.values();
  const repeated = await ratePerSecond(inFlight, async () => {
    const command = again.next().value;
    if (command) accepted(await ledger.submit(command));
    return command !== undefined;
  });
  const transactions = ids.values();
  const reversed = await ratePerSecond(inFlight, async () => {
    const transactionId = transactions.next().value;
    if (transactionId === undefined) return false;
    const input = { transactionId };
    accepted(await ledger.submit({ creator: ReverseTransaction, actor: ACTOR, input }));
    return true;
  });
  return { posted, repeated, reversed };
}

/** Does a work `inFlight` times at once, until it says that there is nothing more to do. */
async function ratePerSecond(inFlight: number, work: () => Promise<boolean>): Promise<number> {
  const begin = performance.now();
  let done = 0;
  const loop = async () => {
    while (await work()) done++;
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return done / ((performance.now() - begin) / 1000);
}

/** Posts transfers until the log has `events` events. */
export async function fillLog(
  { ledger }: OpenLedger,
  pair: ChoosePair,
  events: number,
): Promise<void> {
  let left = events - ledger.head.position;
  const loop = async () => {
    while (left-- > 0) await transfer(ledger, pair());
  };
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, loop));
}

export function transferInput(
  [debited, credited]: readonly [string, string],
  amount = '1.00',
): PostTransactionInput {
  return {
    description: 'transfer',
    postings: [
      { accountId: debited, direction: 'debit', amount },
      { accountId: credited, direction: 'credit', amount },
    ],
  };
}

async function transfer(
  ledger: OpenLedger['ledger'],
  pair: readonly [string, string],
  amount?: string,
): Promise<void> {
  const input = transferInput(pair, amount);
  accepted(await ledger.submit({ creator: PostTransaction, actor: ACTOR, input }));
}

async function openAccount(
  ledger: OpenLedger['ledger'],
  input: Omit<OpenAccountInput, 'currency'>,
): Promise<string> {
  const command = { creator: OpenAccount, actor: ACTOR, input: { currency: 'USD', ...input } };
  return accepted(await ledger.submit(command)).id;
}

function accepted<Answer>(outcome: Outcome<Answer>): Answer {
  if (outcome.kind === 'refused') throw outcome.refusal;
  return outcome.answer;
}
