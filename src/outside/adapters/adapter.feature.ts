import { defineFeature } from '../../engine/define/feature';

/** The ways to services outside, for those who do tasks. */
export const adapterFeature = defineFeature({
  name: 'adapters',
  service: () => import('./adapter.service.js'),
});
