export interface ModelPosting {
  readonly accountId: string;
  readonly direction: 'debit' | 'credit';
  readonly amount: string;
  readonly accountVersion?: number;
}

/** An account as the model of the books knows it: see model.ts. Money in minor units. */
export interface ModelAccount {
  id: string;
  clientId: string | null;
  type: string;
  currency: string;
  digits: number;
  min: bigint | null;
  max: bigint | null;
  debits: bigint;
  credits: bigint;
  /** What open holds reserve. */
  pendingDebits: bigint;
  pendingCredits: bigint;
  isClosed: boolean;
  frozen: string | null;
  version: number;
}

/** Minor units of those limits that are given; null: there is none. */
export function limitsOf(
  given: { minBalance?: string | null; maxBalance?: string | null },
  of: Pick<ModelAccount, 'digits'>,
): Partial<Pick<ModelAccount, 'min' | 'max'>> {
  const limit = (text: string | null) => (text === null ? null : minorOf(text, of));
  const { minBalance: min, maxBalance: max } = given;
  return {
    ...(min !== undefined && { min: limit(min) }),
    ...(max !== undefined && { max: limit(max) }),
  };
}

export function apply(account: ModelAccount, direction: string, minor: bigint): void {
  if (direction === 'debit') account.debits += minor;
  else account.credits += minor;
  account.version++;
}

/** Reserves, or frees where it is negative. */
export function reserve(account: ModelAccount, direction: string, minor: bigint): void {
  if (direction === 'debit') account.pendingDebits += minor;
  else account.pendingCredits += minor;
}

/** What the balance may become by open holds, at least and at most. */
export function reach(account: ModelAccount): { least: bigint; most: bigint } {
  const { type, pendingDebits, pendingCredits } = account;
  const [up, down] = isDebitNormal(type)
    ? [pendingDebits, pendingCredits]
    : [pendingCredits, pendingDebits];
  return { least: balance(account) - down, most: balance(account) + up };
}

/** Why an account cannot be as it is; undefined where it can. */
export function brokenLimit(account: ModelAccount): string | undefined {
  const { min, max } = account;
  const { least, most } = reach(account);
  if (min !== null && least < min) return 'insufficient_funds';
  return max !== null && most > max ? 'balance_limit_exceeded' : undefined;
}

function isDebitNormal(type: string): boolean {
  return ['asset', 'expense'].includes(type);
}

export function balance({ type, debits, credits }: ModelAccount): bigint {
  return isDebitNormal(type) ? debits - credits : credits - debits;
}

export function viewOf(account: ModelAccount): object {
  return { id: account.id, ...partsOf(account) };
}

export function partsOf(account: ModelAccount): object {
  const money = (minor: bigint) => shown(minor, account);
  const { clientId, type, currency, version, frozen, min, max } = account;
  return {
    ...{ clientId, type, currency, version, frozen },
    normalSide: isDebitNormal(type) ? 'debit' : 'credit',
    status: account.isClosed ? 'closed' : 'open',
    balance: money(balance(account)),
    debits: money(account.debits),
    credits: money(account.credits),
    pendingDebits: money(account.pendingDebits),
    pendingCredits: money(account.pendingCredits),
    available: money(reach(account).least),
    minBalance: min === null ? null : money(min),
    maxBalance: max === null ? null : money(max),
  };
}

export function minorOf(text: string, { digits }: Pick<ModelAccount, 'digits'>): bigint {
  const [whole, fraction = ''] = text.replace('-', '').split('.') as [string, string?];
  const minor = BigInt(whole + fraction.padEnd(digits, '0'));
  return text.startsWith('-') ? -minor : minor;
}

export function shown(minor: bigint, { digits }: Pick<ModelAccount, 'digits'>): string {
  const unit = 10n ** BigInt(digits);
  const size = minor < 0n ? -minor : minor;
  const fraction = digits === 0 ? '' : `.${String(size % unit).padStart(digits, '0')}`;
  return `${minor < 0n ? '-' : ''}${size / unit}${fraction}`;
}
