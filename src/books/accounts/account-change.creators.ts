import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { formatAmount } from '../../money/amount';
import { minorUnits, withoutDue } from '../holds/hold.rules';
import { existingAccount, readLimits } from './account.creators';
import { AccountChanged, AccountFrozen, AccountReopened, AccountUnfrozen } from './account.events';
import type { AccountChangedData, FrozenSide } from './account.events';
import { findAccount, needAccount } from './account.queries';
import type { AccountRow } from './account.table';
import { accountView, reachOf } from './account.view';
import type { AccountDto } from './account.dto';

/** `accountId`: an id or `client:<clientId>`. What is absent stays as it is. */
export interface ChangeAccountInput {
  accountId: string;
  name?: string | undefined;
  metadata?: Record<string, string> | undefined;
  /** Decimal strings; null: no limit. */
  minBalance?: string | null | undefined;
  maxBalance?: string | null | undefined;
  /** null: in no group. */
  group?: string | null | undefined;
}

/**
 * Changes what an account is called, where it belongs and what it may hold, whatever its state;
 * what is as it was appends nothing. Refuses `not_found`, `validation_failed` for limits that do
 * not fit the currency or each other, and `limit_not_met` for one that the balance does not meet.
 */
export const ChangeAccount = defineCreator<ChangeAccountInput, AccountDto>({
  name: 'ChangeAccount',
  needs: needNamed,
  run: async (context, input) => {
    const account = await existingAccount(context.state, input.accountId);
    const changes = changesOf(account, input);
    if (Object.keys(changes).length > 0) {
      refuseUnmet(await afterExpiry(context, account, changes), changes);
      await context.append(AccountChanged, { accountId: account.account_id, ...changes });
    }
    return currentView(context, account);
  },
});

/** The fields that are given and differ, in the order of the canonical form: see canonicalJson. */
function changesOf(
  account: AccountRow,
  { name, metadata, minBalance, maxBalance, group }: ChangeAccountInput,
): Omit<AccountChangedData, 'accountId'> {
  const now = accountView(account);
  const limits = {
    minBalance: minBalance === undefined ? now.minBalance : minBalance,
    maxBalance: maxBalance === undefined ? now.maxBalance : maxBalance,
  };
  const wanted = readLimits(limits, account);
  return {
    ...(group !== undefined && group !== now.group && { group }),
    ...(wanted.maxBalance !== now.maxBalance && { maxBalance: wanted.maxBalance }),
    ...(metadata !== undefined && !isSame(metadata, now.metadata) && { metadata }),
    ...(wanted.minBalance !== now.minBalance && { minBalance: wanted.minBalance }),
    ...(name !== undefined && name !== now.name && { name }),
  };
}

function isSame(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

type Changes = Omit<AccountChangedData, 'accountId'>;

/** The account after holds have expired that kept it from meeting its new limits. */
async function afterExpiry(
  context: CreatorContext,
  account: AccountRow,
  changes: Changes,
): Promise<AccountRow> {
  if (!unmet(account, changes)) return account;
  return withoutDue(context, account, (row) => !unmet(row, changes));
}

/** @throws Refusal `limit_not_met` */
function refuseUnmet(account: AccountRow, changes: Changes): void {
  const limit = unmet(account, changes);
  if (!limit) return;
  const { account_id: accountId, digits } = account;
  const [field, wanted, minor] = limit;
  const shown = `Account ${accountId} has ${formatAmount(minor, digits)}`;
  const errors = [{ pointer: `/${field}`, message: 'is not met by the balance' }];
  const detail = `${shown}, holds taken into account: ${field} ${wanted}`;
  throw new Refusal('limit_not_met', detail, { accountId, errors });
}

/** A new limit that an account does not meet, and what it has in minor units. */
function unmet(
  account: AccountRow,
  { minBalance: min, maxBalance: max }: Changes,
): [field: string, limit: string, minor: bigint] | undefined {
  const { available, most } = reachOf(account.type, account);
  if (min && available < minorUnits(min)) return ['minBalance', min, available];
  if (max && most > minorUnits(max)) return ['maxBalance', max, most];
  return undefined;
}

/** `accountId`: an id or `client:<clientId>`. */
export interface FreezeAccountInput {
  accountId: string;
  side: FrozenSide;
  reason: string;
}

/**
 * Has nothing be posted to a side of an account any more, or to neither, until it is unfrozen;
 * takes the place of a side that was frozen before. Refuses `not_found`.
 */
export const FreezeAccount = defineCreator<FreezeAccountInput, AccountDto>({
  name: 'FreezeAccount',
  needs: needNamed,
  run: async (context, { accountId: reference, side, reason }) => {
    const account = await existingAccount(context.state, reference);
    if (account.frozen !== side) {
      await context.append(AccountFrozen, { accountId: account.account_id, reason, side });
    }
    return currentView(context, account);
  },
});

/** `accountId`: an id or `client:<clientId>`. */
export interface AccountReasonInput {
  accountId: string;
  reason: string;
}

/** Has everything be posted to an account again. Refuses `not_found`, `account_not_frozen`. */
export const UnfreezeAccount = defineCreator<AccountReasonInput, AccountDto>({
  name: 'UnfreezeAccount',
  needs: needNamed,
  run: async (context, { accountId: reference, reason }) => {
    const account = await existingAccount(context.state, reference);
    const { account_id: accountId } = account;
    if (account.frozen === null) {
      throw new Refusal('account_not_frozen', `Account ${accountId} is not frozen`, { accountId });
    }
    await context.append(AccountUnfrozen, { accountId, reason });
    return currentView(context, account);
  },
});

/**
 * Opens an account that was closed again; where it was frozen it still is. Refuses `not_found`,
 * `account_not_closed`.
 */
export const ReopenAccount = defineCreator<AccountReasonInput, AccountDto>({
  name: 'ReopenAccount',
  needs: needNamed,
  run: async (context, { accountId: reference, reason }) => {
    const account = await existingAccount(context.state, reference);
    const { account_id: accountId } = account;
    if (account.closed_position === null) {
      throw new Refusal('account_not_closed', `Account ${accountId} is open`, { accountId });
    }
    await context.append(AccountReopened, { accountId, reason });
    return currentView(context, account);
  },
});

function needNamed(
  { accountId }: { readonly accountId: string },
  needs: Parameters<typeof needAccount>[0],
): void {
  needAccount(needs, accountId);
}

async function currentView({ state }: CreatorContext, account: AccountRow): Promise<AccountDto> {
  return accountView((await findAccount(state, account.account_id))!);
}
