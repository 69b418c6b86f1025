import { minorOf, reserve, shown, type ModelAccount, type ModelPosting } from './model-account';

/** A posting of a hold, with what was captured of it in minor units. */
interface HeldLine extends ModelPosting {
  captured: bigint;
}

/** A hold as the model of the books knows it. */
export interface ModelHold {
  readonly id: string;
  readonly clientId: string | null;
  readonly lines: HeldLine[];
  status: string;
  readonly transactionIds: string[];
}

type Accounts = ReadonlyMap<string, ModelAccount>;
interface HoldFact {
  readonly holdId: string;
  readonly clientId?: string;
  readonly final?: boolean;
  readonly transactionId?: string;
  readonly postings: readonly ModelPosting[];
  readonly released?: readonly ModelPosting[];
}

/** Every hold that there is, with what events say of them. */
export class ModelHolds {
  readonly all = new Map<string, ModelHold>();

  /** Takes an event about a hold in. */
  fold(type: string, data: Record<string, unknown>, accounts: Accounts): void {
    const fact = data as unknown as HoldFact;
    const { holdId: id, postings, released = [] } = fact;
    if (type === 'HoldPlaced') {
      const lines = postings.map((posting) => ({ ...posting, captured: 0n }));
      const clientId = fact.clientId ?? null;
      this.all.set(id, { id, clientId, lines, status: 'held', transactionIds: [] });
      reserveAll(postings, 1n, accounts);
      return;
    }
    const hold = this.all.get(id)!;
    reserveAll([...postings, ...released], -1n, accounts);
    if (type !== 'HoldCaptured') hold.status = type.replace('Hold', '').toLowerCase();
    else {
      capture(hold, postings, accounts);
      hold.transactionIds.push(fact.transactionId!);
      if (fact.final) hold.status = 'captured';
    }
  }

  /** The hold as the API shows it, apart from times. */
  view({ id, clientId, lines, status, transactionIds }: ModelHold, accounts: Accounts): object {
    const postings = lines.map(({ accountId, direction, amount, captured }) => {
      const account = accounts.get(accountId)!;
      const money = { amount: shown(minorOf(amount, account), account) };
      const { currency } = account;
      return { accountId, direction, ...money, captured: shown(captured, account), currency };
    });
    return { ...(id && { id }), clientId, status, transactionIds, postings };
  }
}

/** What is left of a hold. */
export function leftOf({ lines }: ModelHold, accounts: Accounts): ModelPosting[] {
  return lines.flatMap(({ accountId, direction, amount, captured }) => {
    const account = accounts.get(accountId)!;
    const left = minorOf(amount, account) - captured;
    return left > 0n ? [{ accountId, direction, amount: shown(left, account) }] : [];
  });
}

/** What is left behind a capture of postings; undefined: they are more than is left. */
export function restOf(
  hold: ModelHold,
  postings: readonly ModelPosting[],
  accounts: Accounts,
): ModelPosting[] | undefined {
  const copy = { ...hold, lines: hold.lines.map((line) => ({ ...line })) };
  return capture(copy, postings, accounts) ? leftOf(copy, accounts) : undefined;
}

/** @returns whether there was so much of it */
function capture(hold: ModelHold, postings: readonly ModelPosting[], accounts: Accounts): boolean {
  return postings.every(({ accountId, direction, amount }) => {
    const account = accounts.get(accountId)!;
    let wanted = minorOf(amount, account);
    for (const line of hold.lines) {
      if (line.accountId !== accountId || line.direction !== direction) continue;
      const left = minorOf(line.amount, account) - line.captured;
      const taken = wanted < left ? wanted : left;
      line.captured += taken;
      wanted -= taken;
    }
    return wanted === 0n;
  });
}

/** Every account that an event about a hold is about has another version by it, once. */
export function reserveAll(
  postings: readonly ModelPosting[],
  sign: bigint,
  accounts: Pick<Accounts, 'get'>,
): void {
  const touched = new Set<ModelAccount>();
  for (const { accountId, direction, amount } of postings) {
    const account = accounts.get(accountId)!;
    reserve(account, direction, sign * minorOf(amount, account));
    touched.add(account);
  }
  for (const account of touched) account.version++;
}
