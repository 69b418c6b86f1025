import { accounts } from '../accounts/account.table';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { refuseClosed } from '../transactions/closed-days.rules';
import { findTransaction } from '../transactions/transaction.queries';
import { reverseTransaction } from '../transactions/transaction.rules';
import { transactions } from '../transactions/transaction.table';
import { findLaterAccrual, readTransactions } from './accrual.queries';
import { InterestAccrualReversed } from './interest.events';
import { interestAccruals } from './interest.table';
import { reversedView } from './interest.view';
import type { ReversedAccrualDto } from './interest.dto';

export interface ReverseInterestAccrualInput {
  accrualId: string;
  reason: string;
}

/**
 * Takes an accrual back as a whole: what it posted, on the day for which it posted it, what it
 * adjusted, and its days, which can be accrued again. Later adjustments do not know it. Refuses
 * `not_found`, `already_reversed`, `period_closed`, `accrual_not_latest` where one of its accounts
 * was accrued again since, and what posting refuses.
 */
export const ReverseInterestAccrual = defineCreator<
  ReverseInterestAccrualInput,
  ReversedAccrualDto
>({
  name: 'ReverseInterestAccrual',
  needs: ({ accrualId }, needs) => needs.row(interestAccruals, 'accrual_id', accrualId),
  run: async (context, { accrualId, reason }) => {
    const { state } = context;
    const accrual = await state.table(interestAccruals).get(accrualId);
    if (!accrual) throw new Refusal('not_found', `There is no accrual ${accrualId}`);
    if (accrual.reversed_position !== null) {
      throw new Refusal('already_reversed', `Accrual ${accrualId} is reversed`);
    }
    // Its days are taken back even where nothing was posted for them.
    const { through_date: through } = accrual;
    if (through !== null) await refuseClosed(state, through, 'through');
    const later = await state.query((db) => findLaterAccrual(db, accrual));
    if (later) {
      const { account_id: accountId, accrual_id: id } = later;
      const detail = `Account ${accountId} was accrued again since, by accrual ${id}`;
      throw new Refusal('accrual_not_latest', detail, { accountId });
    }
    const posted = await state.query((db) => readTransactions(db, [accrualId]));
    const ids = posted.map((transaction) => transaction.transaction_id);
    await state.table(transactions).load('transaction_id', ids);
    const transactionIds: string[] = [];
    // What was posted last is taken back first, like anything that is undone.
    for (const id of ids.toReversed()) transactionIds.push(...(await takeBack(context, id)));
    await context.append(InterestAccrualReversed, { accrualId, reason, transactionIds });
  },
  answer: reversedView,
});

/**
 * Reverses a transaction of an accrual. An older version let it be reversed alone, and that again:
 * then it is the last of them that is reversed, on its own day, unless it has taken the money back
 * already.
 * @returns all that reverse it, or one of each other
 */
async function takeBack(context: CreatorContext, transactionId: string): Promise<string[]> {
  const { state } = context;
  const reversals: string[] = [];
  let last = (await findTransaction(state, transactionId))!;
  while (last.reversed_by !== null) {
    reversals.push(last.reversed_by);
    last = (await findTransaction(state, last.reversed_by))!;
  }
  if (reversals.length % 2 === 1) return reversals;
  await state.table(accounts).load(
    'account_id',
    last.postings.map((posting) => posting.accountId),
  );
  const { effective_date: effectiveDate } = last;
  const { data } = await reverseTransaction(context, last, { effectiveDate }, { isExempt: true });
  return [...reversals, data.transactionId];
}
