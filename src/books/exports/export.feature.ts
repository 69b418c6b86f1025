import { defineFeature } from '../../engine/define/feature';

/** The journal of the books for other programs. */
export const exportFeature = defineFeature({
  name: 'exports',
  service: () => import('./export.service.js'),
});
