import { defineFeature } from '../../engine/define/feature';

/** Has signed checkpoints of the log written outside the databases. */
export const checkpointFeature = defineFeature({
  name: 'checkpoints',
  service: () => import('./checkpoint.service.js'),
});
