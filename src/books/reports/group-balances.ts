import { formatAmount } from '../../money/amount';
import type { GroupBalanceDto } from './balance.dto';
import type { GroupSums } from './reported-accounts.queries';

interface Node {
  readonly group: string | null;
  accounts: number;
  readonly currencies: Map<string, { debits: bigint; credits: bigint; readonly digits: number }>;
}

/** Which part of the tree. */
export interface GroupChoice {
  /** That one and all below it; undefined: all. */
  readonly group?: string | undefined;
  /** So many levels below that one, or of all; what is deeper is in the sums alone. */
  readonly depth?: number | undefined;
}

/**
 * The tree of groups, each with the sums of its accounts and of all below it, a parent in front of
 * its children; the accounts without a group at the end.
 */
export function groupTree(
  sums: readonly GroupSums[],
  { group: top, depth = Infinity }: GroupChoice,
): GroupBalanceDto[] {
  const nodes = new Map<string | null, Node>();
  const least = top === undefined ? 1 : levelOf(top);
  const most = top === undefined ? depth : least + depth;
  for (const one of sums) {
    for (const group of pathTo(one.account_group, least, most)) {
      let node = nodes.get(group);
      if (!node) nodes.set(group, (node = { group, accounts: 0, currencies: new Map() }));
      node.accounts += one.accounts;
      const { debits, credits } = node.currencies.get(one.currency) ?? { debits: 0n, credits: 0n };
      node.currencies.set(one.currency, {
        debits: debits + one.debits,
        credits: credits + one.credits,
        digits: one.digits,
      });
    }
  }
  return [...nodes.values()].sort(byPath).map(viewOf);
}

function levelOf(path: string): number {
  return path.split(':').length;
}

/** A group and those above it, of some levels. */
function pathTo(group: string | null, least: number, most: number): (string | null)[] {
  if (group === null) return [null];
  const names = group.split(':');
  return names
    .map((_, i) => names.slice(0, i + 1).join(':'))
    .filter((_, i) => i + 1 >= least && i + 1 <= most);
}

function byPath(a: Node, b: Node): number {
  if (a.group === null || b.group === null) return a.group === null ? 1 : -1;
  const [x, y] = [a.group.split(':'), b.group.split(':')];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return x[i]! < y[i]! ? -1 : 1;
  }
  return x.length - y.length;
}

function viewOf({ group, accounts, currencies }: Node): GroupBalanceDto {
  const inOrder = [...currencies].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    group,
    accounts,
    currencies: inOrder.map(([currency, { debits, credits, digits }]) => ({
      currency,
      debits: formatAmount(debits, digits),
      credits: formatAmount(credits, digits),
      net: formatAmount(debits - credits, digits),
    })),
  };
}
