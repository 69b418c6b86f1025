import { defineFeature } from '../../engine/define/feature';
import { ClosePeriod, ReopenPeriod } from './period.creators';
import { materializePeriodClosed, materializePeriodReopened } from './period.materializers';
import { periodCloses } from './period.table';
import { checkSeals } from './seal.check';

export const periodFeature = defineFeature({
  name: 'periods',
  tables: [periodCloses],
  materializers: [materializePeriodClosed, materializePeriodReopened],
  creators: [ClosePeriod, ReopenPeriod],
  seals: [checkSeals],
  problems: {
    period_already_closed: { status: 409, title: 'The day is closed already' },
    period_not_closed: { status: 409, title: 'The period is open' },
    period_not_last: { status: 409, title: 'A later period is closed' },
  },
  service: () => import('./period.service.js'),
});
