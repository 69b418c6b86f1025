import { accounts, type AccountRow } from '../accounts/account.table';
import { findAccount, needAccount } from '../accounts/account.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';
import { Refusal } from '../../engine/define/refusal';
import { closedThrough } from '../transactions/closed-days.rules';
import { refuseOutside } from '../transactions/posting.rules';
import { findTransaction } from '../transactions/transaction.queries';
import { needPosting, refuseFuture, reverseTransaction } from '../transactions/transaction.rules';
import { transactions } from '../transactions/transaction.table';
import { postClosings } from './closing.postings';
import { PeriodClosed, PeriodReopened, type PeriodClosedData } from './period.events';
import { periodCloses, type PeriodCloseRow } from './period.table';
import { closedPeriodView, periodCloseView } from './period.view';
import { sealAsOf } from './seal.queries';
import type { PeriodCloseDto } from './period.dto';

export interface ClosePeriodInput {
  /** `YYYY-MM-DD`: the last day to close. */
  through: string;
  /**
   * Equity accounts, ids or `client:<clientId>`, one for each currency in which income and expense
   * have a result. Undefined: those are not carried to equity.
   */
  closeTo?: string[] | undefined;
}

/**
 * Closes everything until a day: carries income and expense to equity, if it is told where to, and
 * seals the trial balance of then, in one step. From then on nothing takes effect on those days.
 *
 * All other commands of the ledger wait until it is done. That takes one look into the index of
 * the entries for each account, one posting for each that is carried, and a look at what was posted
 * since the last day: 100,000 accounts that are all carried and sealed take less than an accrual of
 * as many, which says what it is bounded by. Accounts are read in pages, so that memory grows with
 * the events alone.
 *
 * What closes a period is the ledger's own: accounts that are frozen, or were closed since, are
 * carried as others are, and no hold counts. Limits of balances hold for the whole close.
 *
 * Refuses `future_effective_date`, `period_already_closed` for a day that is not after the last
 * closed one, `account_not_found`, `account_closed` and `account_not_eligible` for an account of
 * `closeTo` that is closed or none of equity, `validation_failed` for two of one currency,
 * `currency_mismatch` where there is none for a currency that has a result, and
 * `insufficient_funds` and `balance_limit_exceeded` for the balances after it.
 */
export const ClosePeriod = defineCreator<ClosePeriodInput, PeriodCloseDto>({
  name: 'ClosePeriod',
  needs: ({ closeTo = [] }, needs) => {
    needPosting(needs);
    for (const accountId of closeTo) needAccount(needs, accountId);
  },
  run: async (context, { through, closeTo }) => {
    const { state } = context;
    refuseFuture(context, through, 'through');
    const last = await closedThrough(state);
    if (last && through <= last.through) {
      const detail = `Period close ${last.closeId} has closed everything through ${last.through}`;
      throw new Refusal('period_already_closed', detail);
    }
    const equity = closeTo && (await equityAccounts(context, closeTo));
    const closeId = context.newId();
    const transactionIds = equity ? await postClosings(context, through, equity) : [];
    const { digest, currencies } = await state.query((db) => sealAsOf(db, through));
    const { hash, position } = context;
    const data = { closeId, currencies, digest, hash, position, through, transactionIds };
    await context.append(PeriodClosed, data);
  },
  answer: (events) => closedPeriodView(events.at(-1) as LedgerEvent<PeriodClosedData>),
});

/** By currency. @throws Refusal `account_not_found`, `account_not_eligible`, `validation_failed` */
async function equityAccounts(
  { state }: CreatorContext,
  references: readonly string[],
): Promise<Map<string, AccountRow>> {
  const byCurrency = new Map<string, AccountRow>();
  for (const [i, accountId] of references.entries()) {
    const account = await findAccount(state, accountId);
    if (!account) {
      throw new Refusal('account_not_found', `There is no account ${accountId}`, { accountId });
    }
    const { account_id: id, type, currency, closed_position } = account;
    if (type !== 'equity') {
      const detail = `Account ${id} is of type ${type}, not equity`;
      throw new Refusal('account_not_eligible', detail, { accountId: id });
    }
    if (closed_position !== null) {
      throw new Refusal('account_closed', `Account ${id} is closed`, { accountId: id });
    }
    if (byCurrency.has(currency)) {
      const errors = [{ pointer: `/closeTo/${i}`, message: `is a second account in ${currency}` }];
      throw new Refusal('validation_failed', 'The request is not valid', { errors });
    }
    byCurrency.set(currency, account);
  }
  return byCurrency;
}

export interface ReopenPeriodInput {
  closeId: string;
  reason: string;
}

/**
 * Opens the last closed period again, and takes its closing transactions back on the day for which
 * they were posted, in one step, as they were posted: whatever is closed or frozen now. The period
 * before it is the last one then. Refuses `not_found`, `period_not_closed` for one that is open
 * again already, `period_not_last`, and `insufficient_funds` and `balance_limit_exceeded` for the
 * balances after it.
 */
export const ReopenPeriod = defineCreator<ReopenPeriodInput, PeriodCloseDto>({
  name: 'ReopenPeriod',
  needs: ({ closeId }, needs) => {
    needPosting(needs);
    needs.row(periodCloses, 'close_id', closeId);
  },
  run: async (context, { closeId, reason }) => {
    const { state } = context;
    const close = await state.table(periodCloses).get(closeId);
    if (!close) throw new Refusal('not_found', `There is no period close ${closeId}`);
    await refuseNotLast(context, close);
    const taken = close.transaction_ids.map((id) => ({ id, by: context.newId() })).toReversed();
    const transactionIds = taken.map(({ by }) => by);
    // First, so that its days are open to what takes their closing back.
    await context.append(PeriodReopened, { closeId, reason, transactionIds });
    const accountIds = new Set<string>();
    for (const { id, by } of taken) {
      for (const accountId of await takeBack(context, id, by)) accountIds.add(accountId);
    }
    refuseOutside(state, accountIds);
    return periodCloseView((await state.table(periodCloses).get(closeId))!);
  },
});

/** @throws Refusal `period_not_closed`, `period_not_last` */
async function refuseNotLast(
  { state }: CreatorContext,
  { close_id: closeId, through_date: through, reopened_position }: PeriodCloseRow,
): Promise<void> {
  const period = `The period through ${through} (${closeId})`;
  if (reopened_position !== null) {
    throw new Refusal('period_not_closed', `${period} was opened again`);
  }
  const last = await closedThrough(state);
  if (last?.closeId === closeId) return;
  const detail = `${period} is not the last: open the one through ${last?.through} first`;
  throw new Refusal('period_not_last', `${detail}, which is period close ${last?.closeId}`);
}

/**
 * Reverses one closing transaction: a thousand postings, whose accounts one query loads.
 * @returns the ids of those
 */
async function takeBack(
  context: CreatorContext,
  transactionId: string,
  id: string,
): Promise<readonly string[]> {
  const { state } = context;
  await state.table(transactions).load('transaction_id', [transactionId]);
  const closing = (await findTransaction(state, transactionId))!;
  const ids = closing.postings.map(({ accountId }) => accountId);
  await state.table(accounts).load('account_id', ids);
  const on = { id, effectiveDate: closing.effective_date };
  await reverseTransaction(context, closing, on, { isClosing: true });
  return ids;
}
