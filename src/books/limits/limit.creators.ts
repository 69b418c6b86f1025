import { findAccount, needAccount } from '../accounts/account.queries';
import { needCurrency, proposedDigits } from '../currencies/currency.rules';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import type { StateSession } from '../../engine/define/state-session';
import { formatAmount, readAmount } from '../../money/amount';
import type { CurrencyDigits } from '../../money/currency';
import { LimitChanged, LimitCreated, LimitRemoved, type LimitWindow } from './limit.events';
import { findLimit, needLimit } from './limit.queries';
import { limitTargets, velocityLimits, type LimitRow } from './limit.table';
import { limitView, targetOf } from './limit.view';
import type { LimitDto } from './limit.dto';

/** How many limits an account or a group may have at once: every posting looks at all of them. */
export const MAX_LIMITS = 20;

/** Amounts are decimal strings, `accountId` an id or `client:<clientId>`. */
export interface CreateLimitInput {
  clientId?: string | undefined;
  accountId?: string | undefined;
  group?: string | undefined;
  direction: 'debit' | 'credit';
  currency: string;
  amount?: string | null | undefined;
  count?: number | null | undefined;
  per: LimitWindow;
}

/**
 * Limits what goes through an account, or through each account of a group, in a direction. Refuses
 * `validation_failed` for none or both of accountId and group, neither amount nor count, a currency
 * that there is not, an amount that does not fit it; `client_id_taken`, `account_not_found`,
 * `currency_mismatch`, `too_many_limits`.
 */
export const CreateLimit = defineCreator<CreateLimitInput, LimitDto>({
  name: 'CreateLimit',
  needs: ({ clientId, accountId, currency }, needs) => {
    needCurrency(needs, currency);
    if (clientId !== undefined) needs.row(velocityLimits, 'client_id', clientId);
    if (accountId !== undefined) needAccount(needs, accountId);
  },
  run: async (context, input) => {
    const { state } = context;
    const { clientId = null, currency, direction, per } = input;
    if ((input.accountId === undefined) === (input.group === undefined)) {
      throw invalid({ pointer: '/accountId', message: 'is needed, or group, and not both' });
    }
    if (clientId !== null && (await state.table(velocityLimits).find('client_id', clientId))) {
      throw new Refusal('client_id_taken', `A limit with the clientId "${clientId}" exists`);
    }
    const account = input.accountId && (await accountIn(state, input.accountId, currency));
    const digits = account ? account.digits : await digitsOf(state, currency);
    const most = readMost(input, { currency, digits });
    const accountId = account ? account.account_id : null;
    const group = input.group ?? null;
    const target = await state.table(limitTargets).get(targetOf({ accountId, group }));
    if (target && target.terms.length >= MAX_LIMITS) {
      throw new Refusal('too_many_limits', `There are ${MAX_LIMITS} limits already`);
    }
    const limitId = context.newId();
    await context.append(LimitCreated, {
      ...{ accountId, amount: most.amount, clientId, count: most.count, currency, digits },
      ...{ direction, group, limitId, per },
    });
    return currentView(context, limitId);
  },
});

/** @throws Refusal `account_not_found`, `currency_mismatch` */
async function accountIn(state: StateSession, reference: string, currency: string) {
  const account = await findAccount(state, reference);
  if (!account) {
    const details = { accountId: reference };
    throw new Refusal('account_not_found', `There is no account ${reference}`, details);
  }
  if (account.currency === currency) return account;
  const { account_id: accountId } = account;
  const message = `Account ${accountId} is in ${account.currency}, not in ${currency}`;
  throw new Refusal('currency_mismatch', message, { accountId });
}

/** @throws Refusal `validation_failed` */
async function digitsOf(state: StateSession, currency: string): Promise<number> {
  const digits = await proposedDigits(state, currency);
  if (digits !== undefined) return digits;
  const message = 'is neither a code of ISO 4217 nor defined in this ledger';
  throw invalid({ pointer: '/currency', message });
}

interface Most {
  /** A decimal string with all digits. */
  readonly amount: string | null;
  readonly count: number | null;
}

/** @throws Refusal `validation_failed` */
function readMost(
  { amount: text, count }: Pick<CreateLimitInput, 'amount' | 'count'>,
  of: CurrencyDigits,
): Most {
  if ((text ?? null) === null && (count ?? null) === null) {
    throw invalid({ pointer: '/amount', message: 'is needed, or count' });
  }
  const amount = text === undefined || text === null ? null : readAmount(text, of);
  if (typeof amount === 'string') throw invalid({ pointer: '/amount', message: amount });
  return {
    amount: amount === null ? null : formatAmount(amount, of.digits),
    count: count ?? null,
  };
}

function invalid(...errors: FieldError[]): Refusal {
  return new Refusal('validation_failed', 'The request is not valid', { errors });
}

/** `limitId`: an id or `client:<clientId>`. What is absent stays as it is. */
export interface ChangeLimitInput {
  limitId: string;
  amount?: string | null | undefined;
  count?: number | null | undefined;
}

/**
 * Changes how much a limit lets through; what is used stays used. What is as it was appends
 * nothing. Refuses `not_found`, `limit_removed`, and `validation_failed` where neither an amount
 * nor a count would be left.
 */
export const ChangeLimit = defineCreator<ChangeLimitInput, LimitDto>({
  name: 'ChangeLimit',
  needs: ({ limitId }, needs) => needLimit(needs, limitId),
  run: async (context, input) => {
    const limit = await limitInForce(context.state, input.limitId);
    const { limit_id: limitId, account_id: accountId, account_group: group } = limit;
    const now = limitView(limit);
    const { amount = now.amount, count = now.count } = input;
    const most = readMost({ amount, count }, limit);
    const changes = {
      ...(most.amount !== now.amount && { amount: most.amount }),
      ...(most.count !== now.count && { count: most.count }),
    };
    if (Object.keys(changes).length > 0) {
      await context.append(LimitChanged, { accountId, ...changes, group, limitId });
    }
    return currentView(context, limitId);
  },
});

/** `limitId`: an id or `client:<clientId>`. */
export interface RemoveLimitInput {
  limitId: string;
}

/** Has a limit count and refuse no more. Refuses `not_found`, `limit_removed`. */
export const RemoveLimit = defineCreator<RemoveLimitInput, LimitDto>({
  name: 'RemoveLimit',
  needs: ({ limitId }, needs) => needLimit(needs, limitId),
  run: async (context, input) => {
    const limit = await limitInForce(context.state, input.limitId);
    const { limit_id: limitId, account_id: accountId, account_group: group } = limit;
    await context.append(LimitRemoved, { accountId, group, limitId });
    return currentView(context, limitId);
  },
});

/** @throws Refusal `not_found`, `limit_removed` */
async function limitInForce(state: StateSession, reference: string): Promise<LimitRow> {
  const limit = await findLimit(state, reference);
  if (!limit) throw new Refusal('not_found', `There is no limit ${reference}`);
  if (limit.removed_at === null) return limit;
  throw new Refusal('limit_removed', `Limit ${limit.limit_id} was removed`);
}

async function currentView({ state }: CreatorContext, limitId: string): Promise<LimitDto> {
  return limitView((await findLimit(state, limitId))!);
}
