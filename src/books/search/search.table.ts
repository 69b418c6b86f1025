import { column } from '../../database/column';
import {
  defineAppendTable,
  defineKeyedTable,
  type DatabaseOf,
} from '../../engine/define/state-table';

/** Positions of a part: what is complete is found by its postings. */
export const PART_POSITIONS = 8_192;
/** Positions of a block. */
export const BLOCK_POSITIONS = 16;
export const PART_BLOCKS = PART_POSITIONS / BLOCK_POSITIONS;

/** The block that is being filled: one row, and none before the first thing that can be found. */
export const searchHeads = defineKeyedTable({
  name: 'search_heads',
  lastPosition: 'position',
  key: 'id',
  unique: [],
  mutable: ['block', 'tokens', 'position'],
  cacheRows: 1,
  keepsAbsent: true,
  columns: {
    /** Always 1. */
    id: column.int(),
    /** Its number: the positions of its things divided by {@link BLOCK_POSITIONS}. */
    block: column.bigint(),
    tokens: column.text(),
    position: column.bigint(),
  },
});

/** The full blocks of the part that is being filled. */
export const searchBlocks = defineKeyedTable({
  name: 'search_blocks',
  lastPosition: 'position',
  key: 'block',
  unique: [],
  mutable: [],
  removable: true,
  cacheRows: 2 * PART_BLOCKS,
  columns: {
    block: column.bigint(),
    /** See search.rules.ts. */
    tokens: column.text(),
    /** Of the event behind it. */
    position: column.bigint(),
  },
});

/** Where terms are in the parts that are complete. */
export const searchPostings = defineAppendTable({
  name: 'search_postings',
  lastPosition: 'position',
  columns: {
    /** Some bits of the terms: see postings.rules.ts. */
    bucket: column.int(),
    /** The part's positions divided by {@link PART_POSITIONS}. */
    part: column.bigint(),
    postings: column.bytea(),
    /** Of the event that completed the part. */
    position: column.bigint(),
  },
});

/** What accounts are found by, or were before a change. */
export const accountTerms = defineAppendTable({
  name: 'account_terms',
  lastPosition: 'position',
  columns: {
    /** See account-terms.rules.ts. */
    term: column.text(),
    account_no: column.bigint(),
    position: column.bigint(),
  },
});

/** When accounts came into another group: what was posted before has the term of the former. */
export const accountMoves = defineAppendTable({
  name: 'account_moves',
  lastPosition: 'position',
  columns: {
    account_no: column.bigint(),
    position: column.bigint(),
  },
});

export type SearchTables = DatabaseOf<
  | typeof searchHeads
  | typeof searchBlocks
  | typeof searchPostings
  | typeof accountTerms
  | typeof accountMoves
>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends SearchTables {}
}
