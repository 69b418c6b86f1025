import { defineFeature } from '../../engine/define/feature';

/** The trial balance is a view of accounts and transactions. */
export const trialBalanceFeature = defineFeature({
  name: 'trial balance',
  service: () => import('./trial-balance.service.js'),
});
