import {
  apply,
  balance,
  limitsOf,
  minorOf,
  partsOf,
  shown,
  viewOf,
  type ModelAccount,
} from './model-account';

/**
 * The rules of the books a second time, written from the API's contract alone and sharing no code
 * with the program: what it says of a request must be what the program answered.
 */
const ISO: Record<string, number> = { USD: 2, JPY: 0, KWD: 3, HRK: 2, XAU: 6 };

export interface ModelPosting {
  readonly accountId: string;
  readonly direction: 'debit' | 'credit';
  readonly amount: string;
  readonly accountVersion?: number;
}

export interface OpenRequest {
  readonly kind: 'open';
  readonly clientId?: string;
  readonly type: string;
  readonly currency: string;
  readonly minBalance?: string;
  readonly maxBalance?: string;
}
export interface ChangeRequest {
  readonly kind: 'change';
  readonly accountId: string;
  readonly minBalance?: string | null;
  readonly maxBalance?: string | null;
}
export interface PostRequest {
  readonly kind: 'post';
  readonly clientId?: string;
  readonly effectiveDate?: string;
  readonly postings: readonly ModelPosting[];
}
export interface DefineRequest {
  readonly kind: 'define';
  readonly code: string;
  readonly digits: number;
}
export type ModelRequest =
  | DefineRequest
  | OpenRequest
  | PostRequest
  | { readonly kind: 'close'; readonly accountId: string }
  | { readonly kind: 'reopen'; readonly accountId: string }
  | { readonly kind: 'unfreeze'; readonly accountId: string }
  | { readonly kind: 'freeze'; readonly accountId: string; readonly side: string }
  | ChangeRequest
  | { readonly kind: 'reverse'; readonly transactionId: string; readonly effectiveDate?: string }
  | {
      readonly kind: 'batch';
      readonly mode: 'atomic' | 'independent';
      readonly transactions: readonly PostRequest[];
    };

/** What the model expects: a refusal's code, or parts of the answer. */
export type Verdict = { readonly code: string } | { readonly answer: object };

interface ModelTransaction {
  readonly id: string;
  readonly clientId: string | null;
  readonly effectiveDate: string;
  readonly postings: readonly ModelPosting[];
  reversedBy: string | null;
}

/** A row of the event log, as far as the model reads it. */
export interface LoggedFact {
  readonly position: number;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** The books as they were after some event. */
export class ModelBooks {
  position = 0;
  /** The day that they count, on which all of it happens. */
  private readonly today = new Date().toISOString().slice(0, 10);
  /** Of every currency that there is. */
  private readonly digits = new Map(Object.entries(ISO));
  private readonly accounts = new Map<string, ModelAccount>();
  private readonly transactions = new Map<string, ModelTransaction>();

  get accountIds(): string[] {
    return [...this.accounts.keys()];
  }

  /** Takes the next event in; says so where its balances are not those of the model. */
  fold({ position, type, data }: LoggedFact): void {
    if (position !== this.position + 1) throw new Error(`Position ${position} is out of turn`);
    this.position = position;
    const fact = data as Record<string, string>;
    if (type === 'AccountOpened') {
      const id = fact['accountId']!;
      const clientId = fact['clientId'] ?? null;
      const { type: kind, currency } = fact as Pick<OpenRequest, 'type' | 'currency'>;
      if (data['digits'] !== this.digits.get(currency)) {
        throw new Error(`Event ${position} has the digits ${String(data['digits'])}`);
      }
      this.accounts.set(id, this.newAccount(id, clientId, kind, currency, data));
    } else if (type === 'CurrencyDefined') {
      this.digits.set(fact['code']!, data['digits'] as number);
    } else if (type.startsWith('Account')) {
      const account = this.accounts.get(fact['accountId']!)!;
      account.version++;
      if (type === 'AccountClosed') account.isClosed = true;
      else if (type === 'AccountReopened') account.isClosed = false;
      else if (type === 'AccountFrozen') account.frozen = fact['side']!;
      else if (type === 'AccountUnfrozen') account.frozen = null;
      else Object.assign(account, limitsOf(data, account));
    } else this.foldTransaction(data);
  }

  private foldTransaction(data: Record<string, unknown>): void {
    const id = data['transactionId'] as string;
    const reverses = (data['reverses'] as string | null | undefined) ?? null;
    const postings = data['postings'] as (ModelPosting & { balanceAfter: string })[];
    for (const posting of postings) {
      const account = this.accounts.get(posting.accountId)!;
      apply(account, posting.direction, minorOf(posting.amount, account));
      if (posting.balanceAfter !== shown(balance(account), account)) {
        throw new Error(`Event ${this.position} has the balance ${posting.balanceAfter}`);
      }
    }
    const clientId = (data['clientId'] as string | null | undefined) ?? null;
    const effectiveDate = data['effectiveDate'] as string;
    this.transactions.set(id, { id, clientId, effectiveDate, postings, reversedBy: null });
    if (reverses !== null) this.transactions.get(reverses)!.reversedBy = id;
  }

  /** The account as the API shows it, apart from times. */
  view(id: string): object | undefined {
    const account = this.accounts.get(id);
    return account && viewOf(account);
  }

  /** Sum of debits minus sum of credits, by currency; all zero in books that are right. */
  imbalance(): Map<string, bigint> {
    const sums = new Map<string, bigint>();
    for (const { currency, debits, credits } of this.accounts.values()) {
      sums.set(currency, (sums.get(currency) ?? 0n) + debits - credits);
    }
    return sums;
  }

  /** What must be answered to a request that finds the books as they are now. Changes nothing. */
  judge(request: ModelRequest): Verdict {
    if (request.kind === 'define') return this.judgeDefine(request);
    if (request.kind === 'open') return this.judgeOpen(request);
    if (request.kind === 'close') return this.judgeClose(request.accountId);
    if (request.kind === 'change') return this.judgeChange(request);
    if (request.kind === 'freeze') {
      return this.judgeChanged(request.accountId, () => ({ frozen: request.side }));
    }
    if (request.kind === 'unfreeze') {
      const unfrozen = ({ frozen }: ModelAccount) =>
        frozen === null ? 'account_not_frozen' : { frozen: null };
      return this.judgeChanged(request.accountId, unfrozen);
    }
    if (request.kind === 'reopen') {
      const reopened = ({ isClosed }: ModelAccount) =>
        isClosed ? { isClosed: false } : 'account_not_closed';
      return this.judgeChanged(request.accountId, reopened);
    }
    if (request.kind === 'reverse') return this.judgeReverse(request);
    const draft = new Draft(this.accounts);
    if (request.kind === 'post') return this.judgePost(request, draft);
    const results: Verdict[] = [];
    for (const [index, transaction] of request.transactions.entries()) {
      const verdict = this.judgePost(transaction, draft);
      if ('code' in verdict && request.mode === 'atomic') {
        return { code: `${verdict.code} at ${index}` };
      }
      results.push(verdict);
    }
    return { answer: { results } };
  }

  private judgeDefine({ code, digits }: DefineRequest): Verdict {
    if (this.digits.has(code)) return { code: 'currency_exists' };
    return { answer: { code, digits, source: 'own', active: true } };
  }

  private judgeOpen(request: OpenRequest): Verdict {
    const { clientId = null, type, currency } = request;
    const isTaken = [...this.accounts.values()].some((a) => a.clientId === clientId);
    if (clientId !== null && isTaken) return { code: 'client_id_taken' };
    return { answer: partsOf(this.newAccount('', clientId, type, currency, request)) };
  }

  private newAccount(
    id: string,
    clientId: string | null,
    type: string,
    currency: string,
    limits: { minBalance?: string | null; maxBalance?: string | null },
  ): ModelAccount {
    const digits = this.digits.get(currency)!;
    const zero = { debits: 0n, credits: 0n, isClosed: false, frozen: null, version: 1 };
    const none = { min: null, max: null };
    return {
      ...{ id, clientId, type, currency, digits, ...zero, ...none },
      ...limitsOf(limits, { digits }),
    };
  }

  private judgeClose(reference: string): Verdict {
    const account = find(this.accounts, reference);
    if (!account) return { code: 'not_found' };
    if (account.isClosed) return { code: 'account_already_closed' };
    if (account.debits !== account.credits) return { code: 'account_not_empty' };
    return { answer: viewOf({ ...account, isClosed: true, version: account.version + 1 }) };
  }

  private judgeChange(request: ChangeRequest): Verdict {
    return this.judgeChanged(request.accountId, (account) => {
      const limits = limitsOf(request, account);
      const { min, max } = { ...account, ...limits };
      if (min !== null && max !== null && min > max) return 'validation_failed';
      const has = balance(account);
      const isMet = (min === null || has >= min) && (max === null || has <= max);
      const isChanged = min !== account.min || max !== account.max;
      return isMet || !isChanged ? limits : 'limit_not_met';
    });
  }

  /** @param change what a request makes of an account, or the code of its refusal */
  private judgeChanged(
    reference: string,
    change: (account: ModelAccount) => Partial<ModelAccount> | string,
  ): Verdict {
    const account = find(this.accounts, reference);
    if (!account) return { code: 'not_found' };
    const changed = change(account);
    if (typeof changed === 'string') return { code: changed };
    const fields = Object.entries(changed) as [keyof ModelAccount, unknown][];
    const version = account.version + (fields.some(([k, v]) => account[k] !== v) ? 1 : 0);
    return { answer: viewOf({ ...account, ...changed, version }) };
  }

  private judgeReverse(request: Extract<ModelRequest, { kind: 'reverse' }>): Verdict {
    const original = find(this.transactions, request.transactionId);
    if (!original) return { code: 'not_found' };
    if (original.reversedBy !== null) return { code: 'already_reversed' };
    const { effectiveDate = this.today } = request;
    if (effectiveDate < original.effectiveDate) return { code: 'reversal_before_original' };
    const postings = original.postings.map((p): ModelPosting => {
      return { ...p, direction: p.direction === 'debit' ? 'credit' : 'debit' };
    });
    const verdict = this.judgePost(
      { kind: 'post', effectiveDate, postings },
      new Draft(this.accounts),
    );
    if ('code' in verdict) return verdict;
    return { answer: { ...verdict.answer, reverses: original.id } };
  }

  private judgePost(request: PostRequest, draft: Draft): Verdict {
    const { postings, effectiveDate = this.today } = request;
    if (effectiveDate > this.today) return { code: 'future_effective_date' };
    const clientId = request.clientId ?? null;
    const isTaken = [...this.transactions.values()].some((t) => t.clientId === clientId);
    if (clientId !== null && (isTaken || draft.clientIds.has(clientId))) {
      return { code: 'client_id_taken' };
    }
    const attempt = draft.branch();
    const lines = postings.map((p) => ({ ...p, account: attempt.account(p.accountId) }));
    if (lines.some((l) => !l.account)) return { code: 'account_not_found' };
    const known = lines.map((l) => ({ ...l, account: l.account! }));
    const isOld = (l: (typeof known)[number]) =>
      l.accountVersion !== undefined && l.accountVersion !== l.account.version;
    if (known.some(isOld)) return { code: 'account_version_mismatch' };
    if (known.some((l) => /^[0.]+$/.test(l.amount))) return { code: 'zero_amount' };
    if (known.some((l) => l.account.isClosed)) return { code: 'account_closed' };
    const isFrozen = ({ account: { frozen }, direction }: (typeof known)[number]) =>
      frozen === 'all' || frozen === `${direction}s`;
    if (known.some(isFrozen)) return { code: 'account_frozen' };
    const sums = new Map<string, bigint>();
    for (const { account, direction, amount } of known) {
      const signed = minorOf(amount, account) * (direction === 'debit' ? 1n : -1n);
      sums.set(account.currency, (sums.get(account.currency) ?? 0n) + signed);
    }
    if ([...sums.values()].some((sum) => sum !== 0n)) return { code: 'unbalanced_transaction' };
    const posted: object[] = [];
    for (const { account, direction, amount } of known) {
      const minor = minorOf(amount, account);
      apply(account, direction, minor);
      const { id: accountId, currency } = account;
      const balanceAfter = shown(balance(account), account);
      posted.push({ accountId, direction, currency, balanceAfter, amount: shown(minor, account) });
    }
    for (const { account } of known) {
      const { min, max } = account;
      if (min !== null && balance(account) < min) return { code: 'insufficient_funds' };
      if (max !== null && balance(account) > max) return { code: 'balance_limit_exceeded' };
    }
    if (clientId !== null) attempt.clientIds.add(clientId);
    draft.take(attempt);
    const transaction = { clientId, effectiveDate, reverses: null, reversedBy: null };
    return { answer: { ...transaction, postings: posted } };
  }
}

/** Copies of accounts that a request has changed, and that its refusal forgets. */
class Draft {
  readonly changed = new Map<string, ModelAccount>();

  constructor(
    private readonly below: Map<string, ModelAccount>,
    readonly clientIds = new Set<string>(),
  ) {}

  account(reference: string): ModelAccount | undefined {
    const found = find(this.below, reference);
    if (!found) return undefined;
    const copy = this.changed.get(found.id) ?? { ...found };
    this.changed.set(found.id, copy);
    return copy;
  }

  branch(): Draft {
    const merged = new Map(this.below);
    for (const [id, account] of this.changed) merged.set(id, account);
    return new Draft(merged, new Set(this.clientIds));
  }

  take(other: Draft): void {
    for (const [id, account] of other.changed) this.changed.set(id, account);
    for (const clientId of other.clientIds) this.clientIds.add(clientId);
  }
}

function find<T extends { id: string; clientId: string | null }>(
  items: Map<string, T>,
  reference: string,
): T | undefined {
  if (!reference.startsWith('client:')) return items.get(reference);
  return [...items.values()].find((item) => `client:${item.clientId}` === reference);
}
