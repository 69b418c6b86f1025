import { defineFeature } from '../../engine/define/feature';

/** What changed between two positions is a view of what other features keep. */
export const diffFeature = defineFeature({
  name: 'diff',
  service: () => import('./diff.service.js'),
});
