import { defineFeature } from '../../engine/define/feature';

/** What is read of accounts and transactions together: statements, balances, reports. */
export const reportFeature = defineFeature({
  name: 'reports',
  service: () => import('./report.service.js'),
});
