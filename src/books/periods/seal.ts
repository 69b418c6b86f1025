import { createHash } from 'node:crypto';
import { formatAmount } from '../../money/amount';
import type { SealedCurrency } from './period.events';

/** An account's part of a trial balance. */
export interface SealedAccount {
  readonly account_id: string;
  readonly currency: string;
  readonly digits: number;
  /** Debits less credits, in minor units. */
  readonly net: bigint;
}

/** What seals a trial balance. */
export interface Seal {
  /** SHA-256, hex. */
  readonly digest: string;
  readonly currencies: SealedCurrency[];
}

/** Texts are hashed in pieces of about so many characters. */
const PIECE = 16 * 1024;

/**
 * Seals a trial balance that comes account by account, currencies and in them ids in order: SHA-256
 * of the canonical form (RFC 8785) of
 *
 *     [{currency, rows: [{accountId, debit, credit}], totalDebit, totalCredit}]
 *
 * where an account's net balance stands on the side on which it is, with all digits, and `"0.00"`
 * on the other, and accounts without a balance have no row. A currency whose accounts have none has
 * no rows and is there. The canonical form sorts the names, and these texts need no escapes.
 */
export class TrialBalanceSeal {
  private readonly hash = createHash('sha256');
  private readonly currencies: SealedCurrency[] = [];
  private text = '[';
  private current: { code: string; digits: number; debit: bigint; credit: bigint } | undefined;
  private isFirstRow = true;

  add({ account_id: accountId, currency, digits, net }: SealedAccount): void {
    if (this.current?.code !== currency) this.begin(currency, digits);
    if (net === 0n) return;
    const current = this.current!;
    const [debit, credit] = net > 0n ? [net, 0n] : [0n, -net];
    current.debit += debit;
    current.credit += credit;
    const [debitText, creditText] = [formatAmount(debit, digits), formatAmount(credit, digits)];
    const comma = this.isFirstRow ? '' : ',';
    this.isFirstRow = false;
    this.text +=
      `${comma}{"accountId":"${accountId}","credit":"${creditText}",` + `"debit":"${debitText}"}`;
    if (this.text.length > PIECE) this.flush();
  }

  /** Once everything was added. */
  finish(): Seal {
    this.end();
    this.text += ']';
    this.flush();
    return { digest: this.hash.digest('hex'), currencies: this.currencies };
  }

  private begin(code: string, digits: number): void {
    this.end();
    const comma = this.currencies.length > 0 ? ',' : '';
    this.text += `${comma}{"currency":"${code}","rows":[`;
    this.current = { code, digits, debit: 0n, credit: 0n };
    this.isFirstRow = true;
  }

  private end(): void {
    if (!this.current) return;
    const { code: currency, digits, debit, credit } = this.current;
    const [totalDebit, totalCredit] = [formatAmount(debit, digits), formatAmount(credit, digits)];
    this.text += `],"totalCredit":"${totalCredit}","totalDebit":"${totalDebit}"}`;
    this.currencies.push({ currency, totalCredit, totalDebit });
    this.current = undefined;
  }

  private flush(): void {
    this.hash.update(this.text);
    this.text = '';
  }
}
