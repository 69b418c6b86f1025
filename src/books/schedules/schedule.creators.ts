import { needAccount } from '../accounts/account.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';
import { loadedReferenced } from '../../engine/define/reference';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import type { StateSession } from '../../engine/define/state-session';
import { checkScheduled, type PostingInput } from '../transactions/posting.rules';
import { needTokens } from '../search/search.rules';
import { needPosted, needPosting, postTransaction } from '../transactions/transaction.rules';
import { dayAfter } from './due-days';
import {
  ScheduledTransactionCancelled,
  ScheduledTransactionPosted,
  ScheduledTransactionRefused,
  TransactionScheduled,
  type DueDay,
  type Repeat,
  type TransactionScheduledData,
} from './schedule.events';
import { findSchedule, needSchedule, readRuns } from './schedule.queries';
import { scheduledTransactions, type ScheduleRow } from './schedule.table';
import { scheduledRow, scheduleView } from './schedule.view';
import type { ScheduledTransactionDto } from './schedule.dto';

/** Amounts are decimal strings, accounts ids or `client:<clientId>`, days `YYYY-MM-DD`. */
export interface ScheduleTransactionInput {
  clientId?: string | undefined;
  description: string;
  metadata?: Record<string, string> | undefined;
  postings: Omit<PostingInput, 'accountVersion'>[];
  postOn: string;
  repeat?: Repeat | undefined;
  until?: string | undefined;
}

/**
 * Has a transaction be posted at the start of a day, once or again and again. Whether accounts are
 * open and their limits allow it is asked on each day. Refuses `validation_failed` for a day before
 * today, and `until` before that or without `repeat`; `client_id_taken`, `account_not_found`,
 * `zero_amount`, `unbalanced_transaction`.
 */
export const ScheduleTransaction = defineCreator<ScheduleTransactionInput, ScheduledTransactionDto>(
  {
    name: 'ScheduleTransaction',
    needs: ({ clientId, postings }, needs) => {
      needTokens(needs);
      if (clientId !== undefined) needs.row(scheduledTransactions, 'client_id', clientId);
      for (const { accountId } of postings) needAccount(needs, accountId);
    },
    run: async (context, input) => {
      const { clientId, description, metadata = {}, postOn, repeat, until } = input;
      refuseDays(context, input);
      const table = context.state.table(scheduledTransactions);
      if (clientId !== undefined && (await table.find('client_id', clientId))) {
        const message = `A scheduled transaction with the clientId "${clientId}" exists`;
        throw new Refusal('client_id_taken', message);
      }
      const postings = await checkScheduled(context.state, input.postings);
      // Keys in the order of the canonical form: see canonicalJson.
      await context.append(TransactionScheduled, {
        ...(clientId !== undefined && { clientId }),
        description,
        first: dueDay(context, postOn),
        ...(Object.keys(metadata).length > 0 && { metadata }),
        postings,
        ...(repeat !== undefined && { repeat }),
        scheduleId: context.newId(),
        ...(until !== undefined && { until }),
      });
    },
    answer: ([event]) =>
      scheduleView(scheduledRow(event as LedgerEvent<TransactionScheduledData>), []),
  },
);

/** @throws Refusal `validation_failed` */
function refuseDays(
  { today }: CreatorContext,
  { postOn, repeat, until }: ScheduleTransactionInput,
): void {
  const errors: FieldError[] = [];
  if (postOn < today) {
    const message = `is before today, ${today} in the book's time zone`;
    errors.push({ pointer: '/postOn', message });
  }
  if (until !== undefined && repeat === undefined) {
    errors.push({ pointer: '/until', message: 'is only for what repeats' });
  } else if (until !== undefined && until < postOn) {
    errors.push({ pointer: '/until', message: 'must not be before postOn' });
  }
  if (errors.length > 0) {
    throw new Refusal('validation_failed', 'The request is not valid', { errors });
  }
}

function dueDay(context: CreatorContext, on: string): DueDay {
  return { dueAt: context.startOf(on), on };
}

/** `scheduleId`: an id or `client:<clientId>`. */
export interface CancelScheduleInput {
  scheduleId: string;
}

/**
 * Has a scheduled transaction be posted no more. Refuses `not_found`,
 * `scheduled_transaction_not_open`.
 */
export const CancelScheduledTransaction = defineCreator<
  CancelScheduleInput,
  ScheduledTransactionDto
>({
  name: 'CancelScheduledTransaction',
  needs: ({ scheduleId }, needs) => needSchedule(needs, scheduleId),
  run: async (context, { scheduleId: reference }) => {
    const schedule = await findSchedule(context.state, reference);
    if (!schedule) throw new Refusal('not_found', `There is no scheduled transaction ${reference}`);
    const { schedule_id: scheduleId, status } = schedule;
    if (status !== 'scheduled') {
      const message = `Scheduled transaction ${scheduleId} is ${status}`;
      throw new Refusal('scheduled_transaction_not_open', message);
    }
    await context.append(ScheduledTransactionCancelled, { scheduleId });
    const { schedule_no } = schedule;
    const runs = await context.state.query((db) => readRuns(db, [schedule]));
    const cancelled = (await findSchedule(context.state, scheduleId))!;
    return scheduleView(cancelled, runs.get(schedule_no) ?? []);
  },
});

export interface PostScheduledInput {
  on: string;
  scheduleIds: string[];
}

/**
 * Posts scheduled transactions for a day whose time has come, in the order given; of those that are
 * not due on it, or were posted for it already, nothing is done: whoever looks late, when others
 * have looked since, does not go on to a later day before its turn. One that is refused does not
 * keep the others. For the service.
 */
export const PostScheduledTransactions = defineCreator<PostScheduledInput, { run: number }>({
  name: 'PostScheduledTransactions',
  needs: ({ scheduleIds }, needs) => {
    needPosting(needs);
    for (const id of scheduleIds) needSchedule(needs, id);
  },
  needsThen: ({ scheduleIds }, loaded, needs) => {
    for (const id of scheduleIds) {
      const schedule = loadedReferenced(loaded, scheduledTransactions, id);
      if (schedule) needPosted(schedule.postings, loaded, needs);
    }
  },
  run: async (context, { on, scheduleIds }) => {
    let run = 0;
    for (const scheduleId of scheduleIds) {
      const due = await dueSchedule(context, scheduleId, on);
      if (!due) continue;
      run++;
      const outcome = await context.run(PostScheduledTransaction, { scheduleId });
      if (outcome.kind === 'accepted') continue;
      const { code, detail } = outcome.refusal;
      const next = nextOf(context, due);
      const refused = { code, detail, ...(next && { next }), on, scheduleId };
      await context.append(ScheduledTransactionRefused, refused);
    }
    return { run };
  },
});

/** Posts one for the day that it is due on; refuses what posting refuses. */
export const PostScheduledTransaction = defineCreator<{ scheduleId: string }, void>({
  name: 'PostScheduledTransaction',
  run: async (context, { scheduleId }) => {
    const schedule = (await findSchedule(context.state, scheduleId))!;
    const { description, metadata, postings, next_on: on } = schedule;
    const { data } = await postTransaction(context, {
      ...{ description, metadata, effectiveDate: on! },
      postings: postings.map(({ accountId, direction, amount }) => {
        return { accountId, direction, amount };
      }),
    });
    const next = nextOf(context, schedule);
    const { transactionId } = data;
    const posted = { ...(next && { next }), on: on!, scheduleId, transactionId };
    await context.append(ScheduledTransactionPosted, posted);
  },
});

/** The schedule, where the day is its next one, and has begun. */
async function dueSchedule(
  { state, now }: { readonly state: StateSession; readonly now: string },
  scheduleId: string,
  on: string,
): Promise<ScheduleRow | undefined> {
  const schedule = await findSchedule(state, scheduleId);
  if (schedule?.next_on !== on) return undefined;
  return schedule.due_at !== null && schedule.due_at <= now ? schedule : undefined;
}

function nextOf(context: CreatorContext, schedule: ScheduleRow): DueDay | undefined {
  const { post_on: first, next_on: on, repeat, until_date: until } = schedule;
  const next = dayAfter(on!, first, repeat, until);
  return next === undefined ? undefined : dueDay(context, next);
}
