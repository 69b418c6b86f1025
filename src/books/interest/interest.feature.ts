import { defineFeature } from '../../engine/define/feature';
import { CalculateInterestOwed } from './interest.creators';
import { materializeInterestAccrued, materializeInterestAdjusted } from './interest.materializers';
import { interestPeriods } from './interest.table';

export const interestFeature = defineFeature({
  name: 'interest',
  tables: [interestPeriods],
  materializers: [materializeInterestAccrued, materializeInterestAdjusted],
  creators: [CalculateInterestOwed],
  problems: {
    already_accrued: { status: 409, title: 'The days are accrued already' },
    account_not_eligible: { status: 422, title: 'The account is of another type or currency' },
  },
  service: () => import('./interest.service.js'),
});
