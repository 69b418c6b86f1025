import { column } from '../../database/column';
import {
  defineAppendTable,
  defineSumTable,
  type DatabaseOf,
} from '../../engine/define/state-table';

/**
 * Where an account's entries begin to be of a day: a sparse index into those that came in the order
 * of their dates. A day has none where the mark before it is less than {@link MARKED_VERSIONS}
 * versions back, so that it is found among so many entries from there on.
 */
export const entryMarks = defineAppendTable({
  name: 'entry_marks',
  lastPosition: 'position',
  columns: {
    account_no: column.bigint(),
    effective_date: column.date(),
    /** Of the first entry of that day: all before it are of earlier days. */
    position: column.bigint(),
    account_version: column.bigint(),
  },
});

/** So many versions of an account are between two marks at least. */
export const MARKED_VERSIONS = 32;

/**
 * What came late: entries behind one of a later date. All of one transaction to an account come
 * late or in order. Money in minor units.
 */
export const lateEntries = defineAppendTable({
  name: 'late_entries',
  lastPosition: 'position',
  columns: {
    account_no: column.bigint(),
    position: column.bigint(),
    effective_date: column.date(),
    ordinal: column.int(),
    /** The latest date of the entries before it. */
    behind_date: column.date(),
    /** What it posts to that side; 0 to the other. */
    debit: column.numeric(),
    credit: column.numeric(),
    /** Sums of all that came late to the account until then. */
    debits_after: column.numeric(),
    credits_after: column.numeric(),
  },
});

/** What came late, by the day that it is dated to. Money in minor units. */
export const lateSums = defineSumTable({
  name: 'late_sums',
  keys: ['account_no', 'effective_date'],
  sums: ['debits', 'credits'],
  lastPosition: 'last_position',
  columns: {
    account_no: column.bigint(),
    effective_date: column.date(),
    debits: column.numeric(),
    credits: column.numeric(),
    last_position: column.bigint(),
  },
});

export type DatedEntryTables = DatabaseOf<typeof entryMarks> &
  DatabaseOf<typeof lateEntries> &
  DatabaseOf<typeof lateSums>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends DatedEntryTables {}
}
