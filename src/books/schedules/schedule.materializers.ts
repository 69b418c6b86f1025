import assert from 'node:assert';
import { accounts } from '../accounts/account.table';
import { defineMaterializer } from '../../engine/define/materializer';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import { keepTokens, needTokens } from '../search/search.rules';
import { metadataTokens } from '../search/terms.rules';
import {
  ScheduledTransactionCancelled,
  ScheduledTransactionPosted,
  ScheduledTransactionRefused,
  TransactionScheduled,
  type DueDay,
  type ScheduledTransactionPostedData,
} from './schedule.events';
import { scheduledAccounts, scheduledRuns, scheduledTransactions } from './schedule.table';
import type { ScheduleRow, ScheduleStatus } from './schedule.table';
import { scheduledRow } from './schedule.view';

export const materializeTransactionScheduled = defineMaterializer(
  TransactionScheduled,
  2,
  (event, { state }) => {
    state.table(scheduledTransactions).insert(scheduledRow(event));
    const { postings } = event.data;
    for (const accountId of new Set(postings.map((posting) => posting.accountId))) {
      const account = state.table(accounts).loaded(accountId);
      assert(account, `No account ${accountId}`);
      const { account_no } = account;
      state.append(scheduledAccounts, { account_no, schedule_no: event.position });
    }
    const { metadata } = scheduledRow(event);
    return keepTokens(state, event.position, metadataTokens('scheduleMetadata', metadata));
  },
  ({ data }, needs) => {
    needTokens(needs);
    for (const { accountId } of data.postings) needs.row(accounts, 'account_id', accountId);
  },
);

export const materializeScheduledTransactionPosted = defineMaterializer(
  ScheduledTransactionPosted,
  1,
  ({ position, data }, { state }) => {
    const schedule = dueSchedule(state, data);
    state.append(scheduledRuns, {
      ...{ schedule_no: schedule.schedule_no, position, run_on: data.on },
      ...{ transaction_id: data.transactionId, code: null, detail: null },
    });
    goOn(state, schedule, position, 'posted', data.next);
  },
  needScheduleOf,
);

export const materializeScheduledTransactionRefused = defineMaterializer(
  ScheduledTransactionRefused,
  1,
  ({ position, data }, { state }) => {
    const schedule = dueSchedule(state, data);
    const { code, detail } = data;
    state.append(scheduledRuns, {
      ...{ schedule_no: schedule.schedule_no, position, run_on: data.on },
      ...{ transaction_id: null, code, detail },
    });
    goOn(state, schedule, position, 'refused', data.next);
  },
  needScheduleOf,
);

export const materializeScheduledTransactionCancelled = defineMaterializer(
  ScheduledTransactionCancelled,
  1,
  ({ position, data }, { state }) => {
    const schedule = loadedSchedule(state, data.scheduleId);
    const { status } = schedule;
    assert(status === 'scheduled', `Scheduled transaction ${data.scheduleId} is ${status}`);
    change(state, schedule, position, 'cancelled', undefined);
  },
  needScheduleOf,
);

interface OfSchedule {
  readonly data: { readonly scheduleId: string };
}

function needScheduleOf({ data }: OfSchedule, needs: Pick<RowNeeds, 'row'>): void {
  needs.row(scheduledTransactions, 'schedule_id', data.scheduleId);
}

function loadedSchedule(state: StateSession, scheduleId: string): ScheduleRow {
  const schedule = state.table(scheduledTransactions).loaded(scheduleId);
  assert(schedule, `No scheduled transaction ${scheduleId}`);
  return schedule;
}

/** One that is due on the day that an event is about. */
function dueSchedule(
  state: StateSession,
  { scheduleId, on }: Pick<ScheduledTransactionPostedData, 'scheduleId' | 'on'>,
): ScheduleRow {
  const schedule = loadedSchedule(state, scheduleId);
  const { status, next_on: next } = schedule;
  const due = next === null ? status : `due on ${next}`;
  assert(next === on, `Scheduled transaction ${scheduleId} is ${due}, and runs on ${on}`);
  return schedule;
}

/** What it is after a run: what came of the only one, or that there will be none any more. */
function goOn(
  state: StateSession,
  schedule: ScheduleRow,
  position: number,
  became: 'posted' | 'refused',
  next: DueDay | undefined,
): void {
  const last = schedule.repeat === null ? became : 'ended';
  change(state, schedule, position, next ? 'scheduled' : last, next);
}

function change(
  state: StateSession,
  { schedule_id, version }: ScheduleRow,
  position: number,
  status: ScheduleStatus,
  next: DueDay | undefined,
): void {
  state.table(scheduledTransactions).patch(schedule_id, {
    status,
    next_on: next?.on ?? null,
    due_at: next?.dueAt ?? null,
    version: version + 1,
    last_position: position,
  });
}
