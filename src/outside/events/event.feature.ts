import { defineFeature } from '../../engine/define/feature';

/** The event log, as it is shown to those outside. */
export const eventFeature = defineFeature({
  name: 'events',
  service: () => import('./event.service.js'),
});
