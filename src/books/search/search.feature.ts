import { defineFeature } from '../../engine/define/feature';
import {
  accountMoves,
  accountTerms,
  searchBlocks,
  searchHeads,
  searchPostings,
} from './search.table';

/** What things are found by, kept by the materializers of those things. */
export const searchFeature = defineFeature({
  name: 'search',
  tables: [searchHeads, searchBlocks, searchPostings, accountTerms, accountMoves],
});
