import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { CreateLimit } from '../../../src/books/limits/limit.creators';
import type { LimitUse, LimitWindow } from '../../../src/books/limits/limit.events';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import type { Outcome } from '../../../src/engine/define/creator';
import { transfer } from '../../harness/books';
import { query } from '../../harness/cluster';
import { startTestLedger, type TestLedger } from '../../harness/ledger';

export const HOUR_MS = 3_600_000;

/** A wallet that pays into a shop. */
export class Wallet {
  private constructor(
    readonly ledger: TestLedger,
    readonly id: string,
    readonly shop: string,
  ) {}

  static async open(group?: string): Promise<Wallet> {
    const ledger = await startTestLedger();
    const open = async (name: string, of: { group?: string } = {}) => {
      const account = { name, type: 'liability', currency: 'EUR', ...of } as const;
      return (await ledger.accept(OpenAccount, account)).id;
    };
    return new Wallet(
      ledger,
      await open('wallet', group === undefined ? {} : { group }),
      await open('shop'),
    );
  }

  limit(per: LimitWindow, most: { amount?: string; count?: number }, group?: string) {
    const what = group === undefined ? { accountId: this.id } : { group };
    const of = { ...what, direction: 'debit', currency: 'EUR' } as const;
    return this.ledger.accept(CreateLimit, { ...of, ...most, per });
  }

  pay(amount: string): Promise<Outcome<unknown>> {
    return this.ledger.submit(
      PostTransaction,
      transfer({ id: this.id }, { id: this.shop }, amount),
    );
  }

  /** What is used after a payment that must be accepted, or the refusal's code and `used`. */
  async paid(amount: string): Promise<[string, number | string | undefined]> {
    const outcome = await this.pay(amount);
    if (outcome.kind === 'refused') {
      const { code, details } = outcome.refusal;
      return [code, details.used];
    }
    const { amount: used, count } = await this.used();
    return [used, count];
  }

  async used(): Promise<LimitUse> {
    const [row] = await query<{ debit: LimitUse[] }>(
      this.ledger.databases.urls.state,
      'select debit from state.limit_uses',
    );
    return row!.debit[0]!;
  }

  /** Has everything that was posted been posted so much earlier, as the state knows it. */
  async age(ms: number): Promise<void> {
    const { urls } = this.ledger.databases;
    // The state does not say what the log says from then on.
    this.ledger.databases.isChecked = false;
    const shift = `interval '${ms} milliseconds'`;
    await query(urls.state, `update state.transactions set recorded_at = recorded_at - ${shift}`);
    const rows = await query<{ account_id: string; debit: LimitUse[] }>(
      urls.state,
      'select account_id, debit from state.limit_uses',
    );
    for (const { account_id, debit } of rows) {
      const earlier = (instant: string) => new Date(Date.parse(instant) - ms).toISOString();
      const aged = debit.map((use) => ({ ...use, resetsAt: earlier(use.resetsAt) }));
      const text = 'update state.limit_uses set debit = $1 where account_id = $2';
      await query(urls.state, text, [JSON.stringify(aged), account_id]);
    }
    await this.ledger.restart();
  }
}
