import type { Feature } from '../../engine/define/registry';
import { CalculateInterestOwed } from './interest.creators';
import { materializeInterestAccrued, materializeInterestAdjusted } from './interest.materializers';
import { interestPeriods, interestPostings } from './interest.table';

export const interestFeature: Feature = {
  tables: [interestPeriods, interestPostings],
  materializers: [materializeInterestAccrued, materializeInterestAdjusted],
  creators: [CalculateInterestOwed],
};
