import {
  apply,
  balance,
  brokenLimit,
  limitsOf,
  minorOf,
  partsOf,
  reach,
  shown,
  viewOf,
  type ModelAccount,
  type ModelPosting,
} from './model-account';
import { Draft, find, linesOf } from './model-draft';
import { leftOf, ModelHolds, reserveAll, restOf } from './model-holds';

/**
 * The rules of the books a second time, written from the API's contract alone and sharing no code
 * with the program: what it says of a request must be what the program answered.
 */
const ISO: Record<string, number> = { USD: 2, JPY: 0, KWD: 3, HRK: 2, XAU: 6 };

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
export interface HoldRequest {
  readonly kind: 'hold';
  readonly clientId?: string;
  readonly postings: readonly ModelPosting[];
}
export interface CaptureRequest {
  readonly kind: 'capture';
  readonly holdId: string;
  readonly clientId?: string;
  readonly effectiveDate?: string;
  readonly final?: boolean;
  readonly postings?: readonly ModelPosting[];
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
  | HoldRequest
  | CaptureRequest
  | { readonly kind: 'void'; readonly holdId: string }
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
  private readonly holds = new ModelHolds();

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
    } else if (type.startsWith('Hold')) this.holds.fold(type, data, this.accounts);
    else this.foldTransaction(data);
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
    if (request.kind === 'hold') return this.judgeHold(request);
    if (request.kind === 'capture') return this.judgeCapture(request);
    if (request.kind === 'void') return this.judgeVoid(request.holdId);
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
    const pending = { pendingDebits: 0n, pendingCredits: 0n };
    const none = { min: null, max: null };
    return {
      ...{ id, clientId, type, currency, digits, ...pending, ...none, ...zero },
      ...limitsOf(limits, { digits }),
    };
  }

  private judgeClose(reference: string): Verdict {
    const account = find(this.accounts, reference);
    if (!account) return { code: 'not_found' };
    if (account.isClosed) return { code: 'account_already_closed' };
    const { debits, credits, pendingDebits, pendingCredits } = account;
    const isEmpty = debits === credits && pendingDebits === 0n && pendingCredits === 0n;
    if (!isEmpty) return { code: 'account_not_empty' };
    return { answer: viewOf({ ...account, isClosed: true, version: account.version + 1 }) };
  }

  private judgeChange(request: ChangeRequest): Verdict {
    return this.judgeChanged(request.accountId, (account) => {
      const limits = limitsOf(request, account);
      const { min, max } = { ...account, ...limits };
      if (min !== null && max !== null && min > max) return 'validation_failed';
      const { least, most } = reach(account);
      const isMet = (min === null || least >= min) && (max === null || most <= max);
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
    const { effectiveDate = this.today } = request;
    if (effectiveDate > this.today) return { code: 'future_effective_date' };
    if (original.reversedBy !== null) return { code: 'already_reversed' };
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

  private judgeHold(request: HoldRequest): Verdict {
    const { postings } = request;
    const clientId = request.clientId ?? null;
    const isTaken = [...this.holds.all.values()].some((hold) => hold.clientId === clientId);
    if (clientId !== null && isTaken) return { code: 'client_id_taken' };
    const draft = new Draft(this.accounts);
    const lines = linesOf(postings, draft);
    if (typeof lines === 'string') return { code: lines };
    const held = lines.map(({ account, direction, amount }) => {
      return { accountId: account.id, direction, amount, captured: 0n };
    });
    reserveAll(held, 1n, { get: (id) => draft.account(id) });
    const broken = lines.map(({ account }) => brokenLimit(account)).find((code) => code);
    if (broken !== undefined) return { code: broken };
    const hold = { id: '', clientId, lines: held, status: 'held', transactionIds: [] };
    return { answer: { ...this.holds.view(hold, this.accounts), version: 1 } };
  }

  private judgeCapture(request: CaptureRequest): Verdict {
    const hold = find(this.holds.all, request.holdId);
    if (!hold) return { code: 'not_found' };
    if (hold.status !== 'held') return { code: 'hold_not_open' };
    const { postings = leftOf(hold, this.accounts), final = true } = request;
    const named = postings.map((p) => ({ ...p, account: find(this.accounts, p.accountId) }));
    if (named.some(({ account }) => !account)) return { code: 'account_not_found' };
    const isOld = ({ accountVersion: asked, account }: (typeof named)[number]) =>
      asked !== undefined && asked !== account!.version;
    if (named.some(isOld)) return { code: 'account_version_mismatch' };
    const known = named.map(({ account, ...posting }) => ({ ...posting, accountId: account!.id }));
    const rest = restOf(hold, known, this.accounts);
    if (!rest) return { code: 'hold_exceeded' };
    const draft = new Draft(this.accounts);
    const freed = final ? [...known, ...rest] : known;
    reserveAll(freed, -1n, { get: (id) => draft.account(id) });
    const { clientId, effectiveDate } = request;
    const posting = { ...(clientId !== undefined && { clientId }), postings: known };
    const dated = effectiveDate === undefined ? posting : { ...posting, effectiveDate };
    const verdict = this.judgePost({ kind: 'post', ...dated }, draft);
    if ('code' in verdict) return verdict;
    return { answer: { ...verdict.answer, holdId: hold.id } };
  }

  private judgeVoid(reference: string): Verdict {
    const hold = find(this.holds.all, reference);
    if (!hold) return { code: 'not_found' };
    if (hold.status !== 'held') return { code: 'hold_not_open' };
    return { answer: this.holds.view({ ...hold, status: 'voided' }, this.accounts) };
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
    const lines = linesOf(postings, attempt);
    if (typeof lines === 'string') return { code: lines };
    const posted: object[] = [];
    for (const { account, direction, amount } of lines) {
      const minor = minorOf(amount, account);
      apply(account, direction, minor);
      const { id: accountId, currency } = account;
      const balanceAfter = shown(balance(account), account);
      posted.push({ accountId, direction, currency, balanceAfter, amount: shown(minor, account) });
    }
    const broken = lines.map(({ account }) => brokenLimit(account)).find((code) => code);
    if (broken !== undefined) return { code: broken };
    if (clientId !== null) attempt.clientIds.add(clientId);
    draft.take(attempt);
    const transaction = { clientId, effectiveDate, reverses: null, reversedBy: null };
    return { answer: { ...transaction, postings: posted } };
  }
}
