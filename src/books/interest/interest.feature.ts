import { defineFeature } from '../../engine/define/feature';
import { CalculateInterestOwed } from './interest.creators';
import {
  materializeInterestAccrualReversed,
  materializeInterestAccrued,
  materializeInterestAdjusted,
  materializeInterestCalculated,
  materializeInterestSkipped,
} from './interest.materializers';
import {
  interestAccruals,
  interestAdjustments,
  interestPeriods,
  interestSkips,
} from './interest.table';
import { ReverseInterestAccrual } from './reverse.creator';

export const interestFeature = defineFeature({
  name: 'interest',
  tables: [interestAccruals, interestPeriods, interestAdjustments, interestSkips],
  materializers: [
    materializeInterestCalculated,
    materializeInterestSkipped,
    materializeInterestAccrued,
    materializeInterestAdjusted,
    materializeInterestAccrualReversed,
  ],
  creators: [CalculateInterestOwed, ReverseInterestAccrual],
  problems: {
    already_accrued: { status: 409, title: 'The days are accrued already' },
    accrual_not_latest: { status: 409, title: 'An account of the accrual was accrued again since' },
    account_not_eligible: { status: 422, title: 'The account is of another type or currency' },
  },
  service: () => import('./interest.service.js'),
});
