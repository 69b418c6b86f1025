import type { Expected, ModelTerms } from '../interest/interest-model';
import type { Terms } from './limits';
import { dayOf } from './days';
import type { Direction } from './money';

/**
 * The rules of the books a second time, written from the API's contract alone and sharing no code
 * with the program: what it says of a request must be what the program answered. The files of this
 * folder have a concept each; here is what they all know. Every record is replaced, and never
 * changed, so that a copy of the books costs its maps.
 */
export interface Account {
  readonly id: string;
  readonly clientId: string | null;
  readonly type: string;
  readonly currency: string;
  readonly digits: number;
  readonly group: string | null;
  /** Minor units, like all money here. */
  readonly min: bigint | null;
  readonly max: bigint | null;
  readonly debits: bigint;
  readonly credits: bigint;
  readonly isClosed: boolean;
  readonly frozen: string | null;
  readonly version: number;
}

/** A posting whose account is known. */
export interface Line {
  readonly accountId: string;
  readonly direction: Direction;
  readonly minor: bigint;
}

export interface Transaction {
  readonly id: string;
  readonly clientId: string | null;
  readonly date: string;
  readonly lines: readonly Line[];
  readonly reversedBy: string | null;
  /** The fact that it is part of. */
  readonly source: { readonly type: string; readonly id: string } | null;
}

export interface Hold {
  readonly id: string;
  readonly clientId: string | null;
  readonly lines: readonly (Line & { readonly captured: bigint })[];
  /** As events say, and so `held` until somebody has recorded that it expired. */
  readonly status: string;
  readonly expiresAt: string | null;
  readonly transactionIds: readonly string[];
}

/** What a transaction or a hold moved through one side of an account, and when. */
export interface Movement extends Line {
  readonly at: string;
}

export interface Limit extends Terms {
  readonly id: string;
  readonly clientId: string | null;
  readonly isRemoved: boolean;
  readonly version: number;
}

export interface Run {
  readonly on: string;
  readonly transactionId: string | null;
  readonly refusal: { readonly code: string } | null;
}

export interface Schedule {
  readonly id: string;
  readonly clientId: string | null;
  readonly lines: readonly Line[];
  readonly postOn: string;
  readonly repeat: string | null;
  readonly until: string | null;
  readonly status: string;
  readonly nextOn: string | null;
  readonly runs: readonly Run[];
}

export interface Close {
  readonly id: string;
  /** The last day of the period before, which is not of this one; empty where there was none. */
  readonly from: string;
  readonly through: string;
  readonly transactionIds: readonly string[];
  readonly digest: string;
  /** Transactions that there were when it was opened again. */
  readonly reopenedAfter: number | null;
}

export interface Accrual {
  readonly id: string;
  readonly terms: ModelTerms;
  readonly byAccount: ReadonlyMap<string, Expected>;
  readonly transactionIds: readonly string[];
  readonly isReversed: boolean;
}

/** Why something is refused, and what its answer says besides. */
export interface Reason {
  readonly code: string;
  readonly [detail: string]: unknown;
}

/** The books refuse, for any of these reasons: which is named first, the contract leaves open. */
export class Refused extends Error {
  constructor(readonly reasons: readonly Reason[]) {
    super(`Refused: ${reasons.map(({ code }) => code).join(', ')}`);
  }
}

/** Why something is refused; none where it is done. */
export function refusalOf(work: () => void): readonly Reason[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof Refused) return error.reasons;
    throw error;
  }
}

/** What a part of it comes to; where that is refused, it is refused for other reasons as well. */
export function besides<T>(reasons: readonly Reason[], part: () => T): T {
  try {
    return part();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Refused([...error.reasons, ...reasons]);
  }
}

export function refuse(...codes: string[]): never {
  throw new Refused(codes.map((code) => ({ code })));
}

interface Referable {
  readonly id: string;
  readonly clientId: string | null;
}

/** The books as they are after some event. */
export class Books {
  currencies = new Map([
    ['USD', 2],
    ['JPY', 0],
    ['KWD', 3],
    ['HRK', 2],
    ['XAU', 6],
  ]);
  accounts = new Map<string, Account>();
  transactions = new Map<string, Transaction>();
  holds = new Map<string, Hold>();
  movements: readonly Movement[] = [];
  limits = new Map<string, Limit>();
  schedules = new Map<string, Schedule>();
  closes = new Map<string, Close>();
  accruals = new Map<string, Accrual>();

  /** @param now the time of the command, RFC 3339 */
  constructor(readonly now: string) {}

  get today(): string {
    return dayOf(this.now);
  }

  /** The same books at another time, of which nobody sees what becomes of them. */
  copy(now = this.now): Books {
    return this.replace(new Books(now), (map) => new Map(map));
  }

  /** Becomes a copy of it that was changed. */
  take(changed: Books): void {
    changed.replace(this, (map) => map);
  }

  /** The last period that is closed. */
  get lastClose(): Close | undefined {
    const closed = [...this.closes.values()].filter((close) => close.reopenedAfter === null);
    return closed.at(-1);
  }

  account(reference: string): Account {
    const found = find(this.accounts, reference);
    if (!found) throw new Error(`There is no account ${reference}`);
    return found;
  }

  change<T extends { readonly id: string }>(map: Map<string, T>, id: string, to: Partial<T>): T {
    const changed = { ...map.get(id)!, ...to };
    map.set(id, changed);
    return changed;
  }

  private replace(other: Books, own: <K, V>(map: Map<K, V>) => Map<K, V>): Books {
    other.currencies = own(this.currencies);
    other.accounts = own(this.accounts);
    other.transactions = own(this.transactions);
    other.holds = own(this.holds);
    other.movements = this.movements;
    other.limits = own(this.limits);
    other.schedules = own(this.schedules);
    other.closes = own(this.closes);
    other.accruals = own(this.accruals);
    return other;
  }
}

/** By an id or `client:<clientId>`. */
export function find<T extends Referable>(
  items: ReadonlyMap<string, T>,
  reference: string,
): T | undefined {
  if (!reference.startsWith('client:')) return items.get(reference);
  return [...items.values()].find((item) => `client:${item.clientId}` === reference);
}

/** What a path names. */
export function named<T extends Referable>(items: ReadonlyMap<string, T>, reference: string): T {
  return find(items, reference) ?? refuse('not_found');
}

/** A client id is given once for each kind of resource. */
export function againstClientId(
  items: ReadonlyMap<string, Referable>,
  clientId: string | null,
): Reason[] {
  const isTaken = clientId !== null && find(items, `client:${clientId}`) !== undefined;
  return isTaken ? [{ code: 'client_id_taken' }] : [];
}
