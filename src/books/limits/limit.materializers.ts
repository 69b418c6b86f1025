import assert from 'node:assert';
import { accounts } from '../accounts/account.table';
import { keepDigits, needCurrency } from '../currencies/currency.rules';
import { defineMaterializer } from '../../engine/define/materializer';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import { parseAmount } from '../../money/amount';
import { LimitChanged, LimitCreated, LimitRemoved } from './limit.events';
import { keepTerms } from './limit.rules';
import { limitTargets, velocityLimits, type LimitRow } from './limit.table';
import { targetOf } from './limit.view';

export const materializeLimitCreated = defineMaterializer(
  LimitCreated,
  1,
  ({ position, recordedAt, data }, { state }) => {
    const { limitId, clientId, accountId, group, digits, ...terms } = data;
    const { amount, count, currency, direction, per } = terms;
    keepDigits(state, data, position);
    state.table(velocityLimits).insert({
      limit_no: position,
      limit_id: limitId,
      client_id: clientId,
      created_at: recordedAt,
      account_id: accountId,
      account_group: group,
      ...{ direction, currency, digits, per, count },
      amount: minorOf(amount, digits),
      removed_at: null,
      version: 1,
      last_position: position,
    });
    const added = { limitId, direction, currency, amount, count, per };
    keepTerms(state, targetOf(data), accountId, position, (before) => [...before, added]);
  },
  ({ data }, needs) => {
    needCurrency(needs, data.currency);
    needTarget(data, needs);
  },
);

export const materializeLimitChanged = defineMaterializer(
  LimitChanged,
  1,
  ({ position, data: { limitId, accountId, group, ...changes } }, { state }) => {
    const limit = limitInForce(state, limitId);
    const { amount } = changes;
    state.table(velocityLimits).patch(limitId, {
      ...changes,
      ...(amount !== undefined && { amount: minorOf(amount, limit.digits) }),
      version: limit.version + 1,
      last_position: position,
    } as Partial<typeof limit>);
    keepTerms(state, targetOf({ accountId, group }), accountId, position, (before) =>
      before.map((terms) => (terms.limitId === limitId ? { ...terms, ...changes } : terms)),
    );
  },
  needLimitAndTarget,
);

export const materializeLimitRemoved = defineMaterializer(
  LimitRemoved,
  1,
  ({ position, recordedAt, data: { limitId, accountId, group } }, { state }) => {
    const limit = limitInForce(state, limitId);
    state.table(velocityLimits).patch(limitId, {
      removed_at: recordedAt,
      version: limit.version + 1,
      last_position: position,
    });
    keepTerms(state, targetOf({ accountId, group }), accountId, position, (before) =>
      before.filter((terms) => terms.limitId !== limitId),
    );
  },
  needLimitAndTarget,
);

function limitInForce(state: StateSession, limitId: string): LimitRow {
  const limit = state.table(velocityLimits).loaded(limitId);
  assert(limit, `No limit ${limitId}`);
  assert(limit.removed_at === null, `Limit ${limitId} is removed`);
  return limit;
}

interface OfTarget {
  readonly accountId: string | null;
  readonly group: string | null;
}

function needTarget(data: OfTarget, needs: Pick<RowNeeds, 'row'>): void {
  needs.row(limitTargets, 'target', targetOf(data));
  if (data.accountId !== null) needs.row(accounts, 'account_id', data.accountId);
}

function needLimitAndTarget(
  { data }: { readonly data: OfTarget & { readonly limitId: string } },
  needs: Pick<RowNeeds, 'row'>,
): void {
  needs.row(velocityLimits, 'limit_id', data.limitId);
  needTarget(data, needs);
}

/** Minor units. */
function minorOf(text: string | null, digits: number): bigint | null {
  if (text === null) return null;
  const minor = parseAmount(text, digits);
  assert(minor !== undefined, 'What should be an amount is none');
  return minor;
}
