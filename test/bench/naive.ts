import { Client } from 'pg';
import type { DatabaseUrls } from '../../src/database/connections';
import { GENESIS } from '../../src/engine/define/event';
import { canonicalEvent, canonicalJson, chainHash } from '../../src/engine/write/hash-chain';
import { systemClock } from '../../src/engine/define/ids';

interface Account {
  readonly id: string;
  readonly no: number;
}

const ACCOUNT_COUNT = 1_000;

/**
 * The naive path: one command per pair of transactions, every statement awaited, row by row, into
 * the same tables with the same guarantees (locks, order, hash chain, command log).
 * @returns transfers a second
 */
export async function measureNaive(urls: DatabaseUrls, durationMs: number): Promise<number> {
  const log = new Client({ connectionString: urls.log });
  const state = new Client({ connectionString: urls.state });
  await log.connect();
  await state.connect();
  try {
    await state.query('set search_path = state, public');
    await state.query('set synchronous_commit = off');
    const accounts = await insertAccounts(state);
    const naive = new NaivePath(log, state, accounts);
    await naive.runFor(durationMs / 4);
    return await naive.runFor(durationMs);
  } finally {
    await log.end();
    await state.end();
  }
}

/** Numbers below zero are free: the numbers of real accounts are positions. */
async function insertAccounts(state: Client): Promise<Account[]> {
  const accounts: Account[] = [];
  for (let i = 1; i <= ACCOUNT_COUNT; i++) {
    const account = { id: systemClock.newId(), no: -i };
    await state.query(
      `insert into accounts
         (account_no, account_id, created_at, type, currency, digits, name, metadata)
       values ($1, $2, now(), 'asset', 'USD', 2, 'Account', '{}')`,
      [account.no, account.id],
    );
    accounts.push(account);
  }
  return accounts;
}

class NaivePath {
  constructor(
    private readonly log: Client,
    private readonly state: Client,
    private readonly accounts: readonly Account[],
  ) {}

  async runFor(durationMs: number): Promise<number> {
    const begin = performance.now();
    let done = 0;
    for (; performance.now() < begin + durationMs; done++) await this.transfer();
    return (done * 1000) / (performance.now() - begin);
  }

  private async transfer(): Promise<void> {
    const { log, state } = this;
    await log.query('begin');
    await log.query('lock table only event_log in exclusive mode');
    await state.query('begin');
    await state.query('lock table event_log_state in exclusive mode');
    const head = await log.query<{ position: string; hash: Buffer }>(
      'select position, hash from event_log order by position desc limit 1',
    );
    const position = Number(head.rows[0]?.position ?? 0) + 1;
    const hash = await this.append(position, head.rows[0]?.hash.toString('hex') ?? GENESIS.hash);
    await state.query(
      'update event_log_state set position = $1, hash = $2, materializers_version = $3',
      [position, Buffer.from(hash, 'hex'), 'naive'],
    );
    await log.query('commit');
    await state.query('commit');
  }

  private async append(position: number, previousHash: string): Promise<string> {
    const [debited, credited] = [this.pick(), this.pick()];
    const now = new Date().toISOString();
    const [commandId, transactionId] = [systemClock.newId(), systemClock.newId()];
    const postings = [
      { accountId: debited.id, amount: '1.00', currency: 'USD', direction: 'debit' },
      { accountId: credited.id, amount: '1.00', currency: 'USD', direction: 'credit' },
    ];
    const data = { description: 'transfer', effectiveDate: now.slice(0, 10), postings };
    const text = canonicalJson({ ...data, transactionId });
    const event = {
      position,
      eventId: systemClock.newId(),
      type: 'TransactionPosted',
      version: 1,
      commandId,
      occurredAt: now,
      recordedAt: now,
      actor: 'bench',
      correlationId: null,
      causationId: null,
    };
    const hash = chainHash(previousHash, canonicalEvent(event, text));
    await this.log.query(
      `insert into command_log (command_id, first_position, last_position, actor, creator, outcome)
       values ($1, $2, $2, 'bench', 'PostTransaction', 'accepted')`,
      [commandId, position],
    );
    await this.log.query(
      `insert into event_log (position, event_id, command_id, occurred_at, recorded_at, version,
         type, actor, hash, data) values ($1, $2, $3, $4, $4, 1, $5, 'bench', $6, $7)`,
      [position, event.eventId, commandId, now, event.type, Buffer.from(hash, 'hex'), text],
    );
    await this.state.query(
      `insert into transactions (position, transaction_id, recorded_at, effective_date,
         description, account_nos, metadata) values ($1, $2, $3, $4, 'transfer', $5, '{}')`,
      [position, transactionId, now, data.effectiveDate, [debited.no, credited.no]],
    );
    await this.insertEntry(debited, position, 0, 'debit');
    await this.insertEntry(credited, position, 1, 'credit');
    return hash;
  }

  private async insertEntry(
    account: Account,
    position: number,
    ordinal: number,
    direction: 'debit' | 'credit',
  ): Promise<void> {
    const { rows } = await this.state.query<{ version: string; debits: string; credits: string }>(
      `select account_version as version, debits_after as debits, credits_after as credits
       from entries where account_no = $1 order by position desc, ordinal desc limit 1`,
      [account.no],
    );
    const last = rows[0] ?? { version: '1', debits: '0', credits: '0' };
    const debits = BigInt(last.debits) + (direction === 'debit' ? 100n : 0n);
    const credits = BigInt(last.credits) + (direction === 'credit' ? 100n : 0n);
    await this.state.query(
      `insert into entries (account_no, position, account_version, ordinal, effective_date,
         direction, amount, debits_after, credits_after)
       values ($1, $2, $3, $4, current_date, $5, 100, $6, $7)`,
      [account.no, position, Number(last.version) + 1, ordinal, direction, debits, credits],
    );
  }

  private pick(): Account {
    return this.accounts[Math.floor(Math.random() * this.accounts.length)]!;
  }
}
