import { minorOf, type ModelAccount, type ModelPosting } from './model-account';

/** Copies of accounts that a request has changed, and that its refusal forgets. */
export class Draft {
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

export function find<T extends { id: string; clientId: string | null }>(
  items: Map<string, T>,
  reference: string,
): T | undefined {
  if (!reference.startsWith('client:')) return items.get(reference);
  return [...items.values()].find((item) => `client:${item.clientId}` === reference);
}

/** Postings with their accounts, or why they are refused whatever the accounts have. */
export function linesOf(
  postings: readonly ModelPosting[],
  draft: Draft,
): (ModelPosting & { readonly account: ModelAccount })[] | string {
  const lines = postings.map((p) => ({ ...p, account: draft.account(p.accountId) }));
  if (lines.some((l) => !l.account)) return 'account_not_found';
  const known = lines.map((l) => ({ ...l, account: l.account! }));
  const isOld = (l: (typeof known)[number]) =>
    l.accountVersion !== undefined && l.accountVersion !== l.account.version;
  if (known.some(isOld)) return 'account_version_mismatch';
  if (known.some((l) => /^[0.]+$/.test(l.amount))) return 'zero_amount';
  if (known.some((l) => l.account.isClosed)) return 'account_closed';
  const isFrozen = ({ account: { frozen }, direction }: (typeof known)[number]) =>
    frozen === 'all' || frozen === `${direction}s`;
  if (known.some(isFrozen)) return 'account_frozen';
  const sums = new Map<string, bigint>();
  for (const { account, direction, amount } of known) {
    const signed = minorOf(amount, account) * (direction === 'debit' ? 1n : -1n);
    sums.set(account.currency, (sums.get(account.currency) ?? 0n) + signed);
  }
  if ([...sums.values()].some((sum) => sum !== 0n)) return 'unbalanced_transaction';
  return known;
}
